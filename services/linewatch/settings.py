"""What linewatch takes from its environment."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chassis.settings import SettingsError, variable
from contracts.linewatch import SEVERITIES, Severity
from services.linewatch.formats.own import Names
from services.linewatch.model.line import MOST_CHANGES, Rules


@dataclass(frozen=True)
class Settings:
    """One field a variable, named as the field in upper case."""

    mongo_url: str = variable("URL of the MongoDB replica set; the database is named after the service.", secret=True)
    kafka_servers: tuple[str, ...] = variable("Kafka's bootstrap servers, host:port, separated by commas.")
    token_keys: Path = variable("File with the public keys of auth's tokens (JWKS).")
    log_level: str = variable("Least level of log lines: debug, info, warning or error.", default="info")
    fault_severity: str = variable("Least severity of an alarm that makes a fault.", default="minor")
    clock_lead: timedelta = variable(
        "How far ahead of ours a monitoring system's clock may be, in seconds.", default=timedelta(days=1)
    )

    line_label: str = variable("Label, tag or detail that names a line by any of its numbers.", default="line")
    circuit_label: str = variable("Label, tag or detail that names a line by its circuit.", default="circuit")
    area_label: str = variable("Label, tag or detail that names an area of lines.", default="area")
    grafana_secret: str = variable(
        "Secret of Grafana's webhook signature; empty: a signature is not asked for.", default="", secret=True
    )
    most_at_once: int = variable(
        "On how many lines a web process works at a time; who comes then is told to try again.", default=20_000
    )
    flapping_changes: int = variable("A line that goes up and down more often than this is flapping.", default=3)
    flapping_within: timedelta = variable(
        "In how many seconds these changes are counted.", default=timedelta(minutes=5)
    )
    flapping_stable: timedelta = variable(
        "How long a flapping line has to be still, in seconds, before anything is said of it.",
        default=timedelta(seconds=60),
    )
    recovery_hold: timedelta = variable(
        "A recovery that comes within so many seconds of its fault has to last as long before it is said.",
        default=timedelta(seconds=1),
    )

    @property
    def names(self) -> Names:
        return Names(self.line_label, self.circuit_label, self.area_label)

    @property
    def rules(self) -> Rules:
        """SettingsError when the severity is none, or when more changes are to be counted than a line remembers."""
        if not 0 < self.flapping_changes < MOST_CHANGES:
            raise SettingsError([f"FLAPPING_CHANGES must be from 1 to {MOST_CHANGES - 1}"])
        return Rules(
            self.least_severity, self.flapping_changes, self.flapping_within, self.flapping_stable, self.recovery_hold
        )

    @property
    def least_severity(self) -> Severity:
        """SettingsError when it is no severity."""
        for severity in SEVERITIES:
            if severity == self.fault_severity:
                return severity
        raise SettingsError([f"FAULT_SEVERITY must be one of {', '.join(SEVERITIES)}"])
