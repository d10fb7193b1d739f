"""What ivr takes from its environment."""

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
    password_pepper: Path = variable("File with the pepper of passwords, the same as auth's.", secret=True)
    log_level: str = variable("Least level of log lines: debug, info, warning or error.", default="info")
    silence: timedelta = variable(
        "How long a voice platform waits for a key before it says that there was none, in seconds.",
        default=timedelta(seconds=10),
    )
