"""What bulkforward takes from its environment."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chassis.settings import SettingsError, variable
from contracts.linewatch import SEVERITIES, Severity


@dataclass(frozen=True)
class Settings:
    """One field a variable, named as the field in upper case."""

    mongo_url: str = variable("URL of the MongoDB replica set; the database is named after the service.", secret=True)
    kafka_servers: tuple[str, ...] = variable("Kafka's bootstrap servers, host:port, separated by commas.")
    token_keys: Path = variable("File with the public keys of auth's tokens (JWKS).")
    log_level: str = variable("Least level of log lines: debug, info, warning or error.", default="info")
    auto_start_severity: str = variable("Least severity of a fault that starts forwarding by itself.", default="major")

    dry_run_lifetime: timedelta = variable(
        "How long a CSV file that was tried can be applied, in seconds.", default=timedelta(minutes=30)
    )

    @property
    def least_severity(self) -> Severity:
        """SettingsError when it is no severity."""
        for severity in SEVERITIES:
            if severity == self.auto_start_severity:
                return severity
        raise SettingsError([f"AUTO_START_SEVERITY must be one of {', '.join(SEVERITIES)}"])
