"""A mail server with moods, in front of the mail sink: what it takes in the end lies there."""

import asyncio
import smtplib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiosmtpd.smtp import SMTP, Envelope, Session

from chaos.harm import changed
from devstack.ports import free_port
from devstack.stack import Stack

SLOW_SECONDS = 15.0
# Those of notify's processes that may send.
SENDERS = ("notify-aside",)
Mood = Callable[[str], str]
MOODS = ("slow", "busy", "gone", "drops", "grey")


@dataclass
class Moody:
    """aiosmtpd's handler. `mood` says of an address how it is treated: one of `MOODS`, anything else is well."""

    sink: tuple[str, int]
    mood: Mood
    tries: Counter[str] = field(default_factory=Counter)

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.tries[address] += 1
        first = self.tries[address] == 1
        match self.mood(address):
            case "gone":
                return "550 5.1.1 No such user"
            case "grey" if first:
                return "451 4.7.1 Greylisted, come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        (address,) = envelope.rcpt_tos
        match self.mood(address):
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
            case "busy" if self.tries[address] == 1:
                return "452 4.3.1 Too busy"
        await asyncio.to_thread(self._pass_on, envelope)
        if self.mood(address) == "drops" and self.tries[address] == 1:
            _hang_up(server)
        return "250 Taken"

    def _pass_on(self, envelope: Envelope) -> None:
        with smtplib.SMTP(*self.sink) as sink:
            sink.sendmail(envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content or b"")


def _hang_up(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()


class MailServer:
    """Serves from a thread of its own while it is open; closed, it refuses connections."""

    def __init__(self, moody: Moody, port: int) -> None:
        self._moody, self._port = moody, port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: asyncio.Server | None = None

    def open(self) -> None:
        made = self._loop.create_server(lambda: SMTP(self._moody, hostname="localhost"), "127.0.0.1", self._port)
        self._server = asyncio.run_coroutine_threadsafe(made, self._loop).result()

    def close(self) -> None:
        if self._server:
            self._loop.call_soon_threadsafe(self._server.close)
            self._server = None

    def end(self) -> None:
        self.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()


@contextmanager
def in_front(stack: Stack, mood: Mood, *, opened: bool = True) -> Iterator[MailServer]:
    """The senders talk to this server until the context ends."""
    sink = urlsplit(stack.addresses.smtp_url)
    port = free_port()
    server = MailServer(Moody((sink.hostname or "", sink.port or 25), mood), port)
    try:
        if opened:
            server.open()
        with changed(stack, *SENDERS, SMTP_URL=f"smtp://127.0.0.1:{port}"):
            yield server
    finally:
        server.end()
