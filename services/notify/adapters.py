"""The outside world of notify: mail servers."""

import re
import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from queue import Empty, SimpleQueue
from typing import Protocol
from urllib.parse import unquote, urlsplit

from chassis.deadline import Deadline
from services.notify.model.letters import Letter


@dataclass(frozen=True)
class Answer:
    """What a mail server said: `taken`, or not and then for good (`permanent`) or for now.

    `of_address`: for good, and because there is no such address, whatever the mail is.
    """

    taken: bool
    permanent: bool
    text: str
    of_address: bool = False


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


TOO_LONG = "The mail server took too long in all."
# Seven bits, so that it passes every server as it is.
_WIRE = SMTP.clone(cte_type="7bit")


class SmtpMailer:
    """Sends through one mail server and keeps connections open between mails. `whole` bounds each mail from the first
    byte to the last, `timeout` the server's silence."""

    def __init__(self, url: str, mail_from: str, timeout: timedelta, whole: timedelta = timedelta(minutes=2)) -> None:
        self._server = urlsplit(url)
        self._from, self._timeout, self._whole = mail_from, timeout.total_seconds(), whole.total_seconds()
        self._idle: SimpleQueue[smtplib.SMTP] = SimpleQueue()

    def send(self, letter: Letter) -> Answer:
        """A kept connection that has gone stale is replaced; nothing was sent over it then.

        That there is no connection, for whatever reason, is not the mail's fault: it is never refused for good then.
        """
        with Deadline(self._whole) as deadline:
            answer, reusable = self._tried(letter, deadline)
        if deadline.passed:
            return Answer(False, False, TOO_LONG)  # Whatever it was: `smtplib` takes the half of an answer for one.
        if reusable:
            self._idle.put(reusable)
        return answer

    def _tried(self, letter: Letter, deadline: Deadline) -> tuple[Answer, smtplib.SMTP | None]:
        """The answer, and the connection where it is good for another mail."""
        try:
            connection = self._connection(deadline)
        except (smtplib.SMTPException, OSError) as broken:
            return Answer(False, False, _why(broken)), None
        try:
            stage, code, text = self._deliver(connection, letter)
        except smtplib.SMTPResponseException as refused:
            return Answer(False, refused.smtp_code >= 500, _why(refused)), None
        except (smtplib.SMTPException, OSError) as broken:
            return Answer(False, False, _why(broken)), None
        except ValueError:
            return Answer(False, True, "This mail cannot be written."), None
        answer = Answer(
            _is_yes(code), code >= 500, f"{code} {_plain(text)}", stage == "RCPT" and _is_no_address(code, text)
        )
        return answer, connection if _is_clean(connection, after=code) else None

    def _connection(self, deadline: Deadline) -> smtplib.SMTP:
        """At most one kept connection is asked whether it lives: a server that has fallen silent is waited for once."""
        try:
            kept = self._idle.get_nowait()
        except Empty:
            return self._connect(deadline)
        deadline.watch(kept)
        return kept if _alive(kept) else self._connect(deadline)

    def _connect(self, deadline: Deadline) -> smtplib.SMTP:
        host, port = self._server.hostname or "localhost", self._server.port or 25
        kind = _WatchedTls if self._server.scheme == "smtps" else _Watched
        connection = kind(deadline, host, port, self._timeout)
        connection.ehlo_or_helo_if_needed()
        if connection.has_extn("starttls") and self._server.scheme != "smtps":
            connection.starttls(context=ssl.create_default_context())
        if self._server.username:
            connection.login(unquote(self._server.username), unquote(self._server.password or ""))
        return connection

    def _deliver(self, connection: smtplib.SMTP, letter: Letter) -> tuple[str, int, bytes | str]:
        """The server's last answer, and to what. `smtplib.sendmail` keeps it to itself; operators want to see it."""
        try:
            message = message_of(letter, self._from)
            stage, (code, text) = "MAIL", connection.mail(message["From"].addresses[0].addr_spec)
            if _is_yes(code):
                stage, (code, text) = "RCPT", connection.rcpt(letter.to)
            if _is_yes(code):
                stage, (code, text) = "DATA", connection.data(message.as_bytes())
        except BaseException:
            connection.close()
            raise
        return stage, code, text


# The constructor connects and reads the server's greeting, so a connection is watched before that.
class _Watched(smtplib.SMTP):
    def __init__(self, deadline: Deadline, host: str, port: int, timeout: float) -> None:
        deadline.watch(self)
        super().__init__(host, port, timeout=timeout)


class _WatchedTls(smtplib.SMTP_SSL):
    def __init__(self, deadline: Deadline, host: str, port: int, timeout: float) -> None:
        deadline.watch(self)
        super().__init__(host, port, timeout=timeout)


def _is_clean(connection: smtplib.SMTP, after: int) -> bool:
    """Whether the next mail may have it. A server that hangs up instead of forgetting the last one has answered for it
    before."""
    try:
        if not _is_yes(after):
            connection.rset()
    except (smtplib.SMTPException, OSError):
        connection.close()
        return False
    return True


def _alive(connection: smtplib.SMTP) -> bool:
    try:
        if _is_yes(connection.noop()[0]):
            return True
    except (smtplib.SMTPException, OSError):
        pass  # Closed below, as after a server's goodbye.
    connection.close()
    return False


# RFC 5321 section 4.2.3; 556 is RFC 7504. Others refuse the sender, the moment or the size.
_NO_ADDRESS = (550, 551, 553, 556)
# RFC 3463: the address is wrong; the mailbox is disabled. Not among them are 5.2.2 (full) and 5.7 (policy).
_NO_ADDRESS_EITHER = re.compile(r"5\.1\.\d+|5\.2\.1")
_STATUS = re.compile(r"5\.\d+\.\d+")


def _is_no_address(code: int, text: bytes | str) -> bool:
    """Whether an answer to RCPT says that no mail will ever arrive there. The finer code counts where there is one."""
    if finer := _STATUS.match(_plain(text)):
        return code >= 500 and _NO_ADDRESS_EITHER.fullmatch(finer[0]) is not None
    return code in _NO_ADDRESS


def _is_yes(code: int) -> bool:
    """Also false for -1, which is how `smtplib` says that an answer was none."""
    return 200 <= code < 300


def _why(broken: Exception) -> str:
    if isinstance(broken, smtplib.SMTPResponseException):
        return f"{broken.smtp_code} {_plain(broken.smtp_error)}"
    return type(broken).__name__


def _plain(text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return " ".join(said.split())[:300]


def message_of(letter: Letter, mail_from: str) -> EmailMessage:
    """The letter as RFC 5322 wants it; the same letter always has the same Message-ID and Date."""
    message = EmailMessage(policy=_WIRE)
    domain = mail_from.rpartition("@")[2].rstrip(">")
    message["From"] = mail_from
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = letter.queued_at
    message["Message-ID"] = f"<{letter.mail_id}@{domain}>"
    if letter.answers:
        message["In-Reply-To"] = message["References"] = " ".join(f"<{id}@{domain}>" for id in letter.answers)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.body)
    return message
