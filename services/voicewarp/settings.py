"""What voicewarp takes from its environment."""

from dataclasses import dataclass
from pathlib import Path

from chassis.settings import variable


@dataclass(frozen=True)
class Settings:
    """One field a variable, named as the field in upper case."""

    mongo_url: str = variable("URL of the MongoDB replica set; the database is named after the service.", secret=True)
    kafka_servers: tuple[str, ...] = variable("Kafka's bootstrap servers, host:port, separated by commas.")
    token_keys: Path = variable("File with the public keys of auth's tokens (JWKS).")
    log_level: str = variable("Least level of log lines: debug, info, warning or error.", default="info")
