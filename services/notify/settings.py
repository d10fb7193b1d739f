"""What notify takes from its environment."""

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
    smtp_url: str = variable(
        "Mail server: smtp://[user:password@]host:port, smtps:// for TLS from the start.", secret=True
    )
    mail_from: str = variable("Sender's address of all mails.")
    site_url: str = variable("Address of the site, for the links in mails.")
    log_level: str = variable("Least level of log lines: debug, info, warning or error.", default="info")
    noc_address: str = variable(
        "Operators' address, for mails about tests of monitoring systems; empty: these are not told of.", default=""
    )
    mail_connections: int = variable("Connections to the mail server that are kept open.", default=4)
    mails_per_hour: int = variable(
        "Letters of one kind that an address gets in an hour; what is more waits.", default=100
    )
    smtp_timeout: timedelta = variable(
        "How long the mail server may be silent, in seconds.", default=timedelta(seconds=30)
    )
    smtp_deadline: timedelta = variable(
        "How long the mail server may take for one letter in all, in seconds.", default=timedelta(minutes=2)
    )
    forwarding_wait: timedelta = variable(
        "How long a notice waits to hear what bulk forwarding did, in seconds.", default=timedelta(seconds=3)
    )
