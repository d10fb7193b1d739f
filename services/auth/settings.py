"""What auth takes from its environment."""

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
    token_signing_key: Path = variable("File with the private key that signs tokens (PEM, Ed25519).")
    password_pepper: Path = variable("File with the pepper of passwords, the same as ivr's.", secret=True)
    log_level: str = variable("Least level of log lines: debug, info, warning or error.", default="info")
    token_lifetime: timedelta = variable(
        "How long a signed token of a customer is good, in seconds.", default=timedelta(seconds=60)
    )
    machine_token_lifetime: timedelta = variable(
        "How long that of an API key is good, in seconds: so long machines go on while auth is away.",
        default=timedelta(hours=1),
    )
    temporary_lifetime: timedelta = variable(
        "How long a temporary password is good, in seconds.", default=timedelta(hours=24)
    )
    lasting_lifetime: timedelta = variable(
        "After how many seconds a password has to be changed.", default=timedelta(days=60)
    )
    session_idle: timedelta = variable("After how many unused seconds a session ends.", default=timedelta(minutes=30))
    session_longest: timedelta = variable("After how many seconds a session ends.", default=timedelta(hours=12))
    wrong_per_number: int = variable("Failed logins that one number may have in its while.", default=100)
    wrong_per_number_within: timedelta = variable("That while, in seconds.", default=timedelta(minutes=15))
    wrong_per_number_and_source: int = variable(
        "Failed logins that one address (IPv6: /64) may have of them.", default=60
    )
    wrong_per_source: int = variable("Failed logins that one address (IPv6: /64) may have in its while.", default=100)
    wrong_per_source_within: timedelta = variable("That while, in seconds.", default=timedelta(minutes=5))
    wrong_overall: int = variable("Failed logins over all after which each address may have but few.", default=1000)
    wrong_overall_within: timedelta = variable("That while, in seconds.", default=timedelta(minutes=5))
    wrong_when_full: int = variable("Failed logins that one address may have in that while then.", default=5)
    hashing_threads: int = variable("Passwords that are checked at the same time.", default=2)
    hashing_waiting: int = variable("Passwords that may wait to be checked; more are told `busy`.", default=48)
