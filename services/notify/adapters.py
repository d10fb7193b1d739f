"""The outside world of notify: mail servers."""

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from queue import Empty, SimpleQueue
from typing import Protocol
from urllib.parse import unquote, urlsplit

from services.notify.model.letters import Letter


@dataclass(frozen=True)
class Answer:
    """What a mail server said: `taken`, or not and then for good (`permanent`) or for now."""

    taken: bool
    permanent: bool
    text: str


class Mailer(Protocol):
    """A way to send mail; safe to use from several threads. Never raises for what a mail server does."""

    def send(self, letter: Letter) -> Answer:
        """Returns when the server has answered, or has been silent for too long."""


@dataclass
class OutboxMailer:
    """A stand-in that takes every mail and keeps it."""

    letters: list[Letter] = field(default_factory=list)

    def send(self, letter: Letter) -> Answer:
        self.letters.append(letter)
        return Answer(True, False, "250 kept")


class SmtpMailer:
    """Sends through one mail server and keeps connections open between mails."""

    def __init__(self, url: str, mail_from: str, timeout: timedelta) -> None:
        self._server = urlsplit(url)
        self._from, self._timeout = mail_from, timeout.total_seconds()
        self._idle: SimpleQueue[smtplib.SMTP] = SimpleQueue()

    def send(self, letter: Letter) -> Answer:
        """A kept connection that has gone stale is replaced once; nothing was sent over it then."""
        message = message_of(letter, self._from)
        try:
            connection = self._connection()
            code, text = self._deliver(connection, message, letter.to)
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
        except smtplib.SMTPResponseException as refused:
            code, text = refused.smtp_code, refused.smtp_error
        except (smtplib.SMTPException, OSError) as broken:
            return Answer(False, False, type(broken).__name__)
        self._idle.put(connection)
        return Answer(code < 400, code >= 500, f"{code} {_plain(text)}")

    def _connection(self) -> smtplib.SMTP:
        try:
            while True:
                kept = self._idle.get_nowait()
                if _alive(kept):
                    return kept
        except Empty:
            return self._connect()

    def _connect(self) -> smtplib.SMTP:
        host, port = self._server.hostname or "localhost", self._server.port or 25
        kind = smtplib.SMTP_SSL if self._server.scheme == "smtps" else smtplib.SMTP
        connection = kind(host, port, timeout=self._timeout)
        connection.ehlo_or_helo_if_needed()
        if connection.has_extn("starttls") and self._server.scheme != "smtps":
            connection.starttls(context=ssl.create_default_context())
        if self._server.username:
            connection.login(unquote(self._server.username), unquote(self._server.password or ""))
        return connection

    @staticmethod
    def _deliver(connection: smtplib.SMTP, message: EmailMessage, to: str) -> tuple[int, bytes | str]:
        """The server's last answer. `smtplib.sendmail` keeps it to itself, and operators want to see it."""
        try:
            code, text = connection.mail(message["From"].addresses[0].addr_spec)
            if code == 250:
                code, text = connection.rcpt(to)
            if code in (250, 251):
                code, text = connection.data(message.as_bytes(policy=SMTP))
            if code >= 400:
                connection.rset()
        except BaseException:
            connection.close()
            raise
        return code, text


def _alive(connection: smtplib.SMTP) -> bool:
    try:
        return connection.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        connection.close()
        return False


def _plain(text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(said.split())[:300]


def message_of(letter: Letter, mail_from: str) -> EmailMessage:
    """The letter as RFC 5322 wants it; the same letter always has the same Message-ID and Date."""
    message = EmailMessage(policy=SMTP)
    domain = mail_from.rpartition("@")[2].rstrip(">")
    message["From"] = mail_from
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = letter.queued_at
    message["Message-ID"] = f"<{letter.mail_id}@{domain}>"
    if letter.answers:
        message["In-Reply-To"] = message["References"] = f"<{letter.answers}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    return message
