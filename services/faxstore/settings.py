"""What faxstore takes from its environment."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from chassis.settings import variable


@dataclass(frozen=True)
class Settings:
    """One field a variable, named as the field in upper case."""

    mongo_url: str = variable("URL of the MongoDB replica set; the database is named after the service.", secret=True)
    kafka_servers: tuple[str, ...] = variable("Kafka's bootstrap servers, host:port, separated by commas.")
    token_keys: Path = variable("File with the public keys of auth's tokens (JWKS).")
    spool: Path = variable("Folder for documents while they arrive and while pictures are made; may be lost.")
    log_level: str = variable("Least level of log lines: debug, info, warning or error.", default="info")
    retention: timedelta = variable(
        "How long a fax is kept after it was taken, in seconds.", default=timedelta(days=60)
    )
    upload_grace: timedelta = variable(
        "After how many seconds a try to take a fax is looked at that has not ended.", default=timedelta(minutes=10)
    )
    most_faxes: int = variable("How many faxes a number may have at a time.", default=10_000)
    most_bytes: int = variable("How many bytes the faxes of a number may take.", default=1_000_000_000)
    receipts_at_once: int = variable("How many faxes are examined and stored at a time, by one process.", default=2)
