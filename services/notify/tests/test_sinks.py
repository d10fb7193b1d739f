"""The sender and the real mailer against one mail server that treats each address in a way of its own."""

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from msgspec import structs

from chassis.handling import Handler, Order, Result
from chassis.messages import Actor
from chassis.testing import eventually
from services.notify.adapters import SmtpMailer
from services.notify.bootstrap import CODEC
from services.notify.model.mail import CATEGORY, DECIDER, Mail, NoteFailure
from services.notify.tests.examples import fault_mail
from services.notify.tests.stand_ins import MemoryMails
from services.notify.tests.test_tasks import queue_up, run, sender_of

SILENCE = 0.3
# How each address is treated, how often its mail reaches the server, and in what state it ends after how many tries.
ENDS = {
    "fine": (1, "sent", 1),
    "slow": (1, "sent", 1),
    "busy-once": (1, "sent", 2),
    "busy": (0, "failed", 6),
    "refused": (0, "failed", 1),
    "dropped-once": (2, "sent", 2),
    "silent-once": (2, "sent", 2),
    "cut-once": (1, "sent", 2),
}


@dataclass
class Sink:
    """See aiosmtpd's handlers."""

    met: Counter[str] = field(default_factory=Counter)
    taken: dict[str, list[bytes]] = field(default_factory=dict)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        kind = address.partition("@")[0]
        self.met[kind] += 1
        if kind == "refused":
            return "550 5.1.1 no such mailbox"
        if kind == "busy" or (kind == "busy-once" and self.met[kind] == 1):
            return "451 4.3.2 come again"
        if kind == "cut-once" and self.met[kind] == 1:
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        """The mail is taken, whatever its sender hears of it."""
        kind = envelope.rcpt_tos[0].partition("@")[0]
        self.taken.setdefault(kind, []).append(envelope.content)
        if kind == "dropped-once" and self.met[kind] == 1:
            server.transport.abort()
        if kind == "slow" or (kind == "silent-once" and self.met[kind] == 1):
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), SILENCE / 3 if kind == "slow" else SILENCE * 3)
        return "250 kept"


class Hurried(Handler[Mail]):
    """By its clock each try was made long ago, so that every pause of the plan is over."""

    def handle_many(self, orders: Sequence[Order], actor: Actor) -> list[Result]:
        return super().handle_many(
            [structs.replace(order, command=_long_ago(order.command)) for order in orders], actor
        )


def _long_ago(command: Any) -> Any:
    return replace(command, at=command.at - timedelta(hours=6)) if isinstance(command, NoteFailure) else command


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def mailer(sink: Sink) -> Iterator[SmtpMailer]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    yield SmtpMailer(f"smtp://127.0.0.1:{port}", "noreply@tsunagu.example.jp", timedelta(seconds=SILENCE))
    controller.stop()


def test_every_mail_ends_in_the_right_state_and_none_is_another_mail_the_second_time(
    watched_store: Any, sink: Sink, mailer: SmtpMailer
) -> None:
    store = watched_store(CODEC)
    mails, queue = Hurried(store, DECIDER, CATEGORY), MemoryMails()
    owed = {kind: fault_mail(f"{kind}@example.jp") for kind in ENDS}
    queue_up(queue, *owed.values())

    def over() -> bool:
        run(sender_of(cast(Handler[Mail], mails), queue, mailer))
        queue.project(list(store.scan()))
        return all(mails.read(mail.mail_id).state.state != "queued" for mail in owed.values())

    eventually(over)

    ends = {kind: mails.read(mail.mail_id).state for kind, mail in owed.items()}
    arrived = {kind: len(sink.taken.get(kind, [])) for kind in ENDS}
    assert {kind: (arrived[kind], end.state, end.attempts) for kind, end in ends.items()} == ENDS
    for kind, copies in sink.taken.items():
        assert len(set(copies)) == 1, kind
        assert owed[kind].mail_id in message_from_bytes(copies[0])["Message-ID"]
