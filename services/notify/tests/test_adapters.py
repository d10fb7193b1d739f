"""The real mailer against a real mail server, which does what each test wants of it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from chassis.testing import NOON
from services.notify.adapters import TOO_LONG, Answer, SmtpMailer, message_of
from services.notify.model.letters import Letter
from services.notify.tests.examples import ANNE, LETTER, MAIL_ID, recovery_mail

FROM = "つなぐ <noreply@tsunagu.example.jp>"
SENDER = "noreply@tsunagu.example.jp"
Behaviour = Callable[[Any], str | None]


class MailServer:
    """Takes mail. `at[command]` is asked instead of the usual answer: a reply, or None after it did something else."""

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.greeted = 0
        # How often it was asked in vain whether it is there.
        self.ignored = 0
        self.at: dict[str, Behaviour] = {}
        self.connections: list[Any] = []

    def reply(self, command: str, server: Any, usual: str) -> str:
        behaviour = self.at.get(command)
        answer = behaviour(server) if behaviour else usual
        return usual if answer is None else answer

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: Any) -> Any:  # noqa: N802
        self.greeted += 1
        self.connections.append(server)
        session.host_name = hostname
        return [self.reply("EHLO", server, "250 hello")]

    async def handle_HELO(self, server: Any, session: Any, envelope: Any, hostname: str) -> str:  # noqa: N802
        return self.reply("EHLO", server, "250 hello")

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        envelope.mail_from = address
        return self.reply("MAIL", server, "250 OK")

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.at.get("RCPT") is silence:
            await asyncio.Event().wait()
        envelope.rcpt_tos.append(address)
        return self.reply("RCPT", server, "250 OK")

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken.append(envelope)
        return self.reply("DATA", server, "250 kept")

    async def handle_RSET(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        return self.reply("RSET", server, "250 OK")

    async def handle_NOOP(self, server: Any, session: Any, envelope: Any, arg: str) -> str:  # noqa: N802
        if self.at.get("NOOP") is silence:
            self.ignored += 1
            await asyncio.Event().wait()
        return self.reply("NOOP", server, "250 OK")

    @property
    def messages(self) -> list[EmailMessage]:
        return [message_from_bytes(envelope.content, policy=default) for envelope in self.taken]


def says(answer: str) -> Behaviour:
    return lambda server: answer


def hang_up(server: Any) -> None:
    server.transport.abort()


def silence(server: Any) -> None:
    """Never answers."""


@pytest.fixture
def server() -> MailServer:
    return MailServer()


@pytest.fixture
def running(server: MailServer) -> Iterator[Controller]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(server, hostname="127.0.0.1", port=port, auth_require_tls=False)
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def mailer(running: Controller) -> SmtpMailer:
    return SmtpMailer(f"smtp://127.0.0.1:{running.port}", FROM, timedelta(seconds=10))


# What the server answers.


def test_a_mail_is_taken(server: MailServer, mailer: SmtpMailer) -> None:
    answer = mailer.send(LETTER)

    assert answer == Answer(True, False, "250 kept")
    assert [(one.mail_from, one.rcpt_tos) for one in server.taken] == [(SENDER, [ANNE])]


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_temporary_refusal_is_one(server: MailServer, mailer: SmtpMailer, command: str) -> None:
    server.at[command] = says("451 busy")

    assert mailer.send(LETTER) == Answer(False, False, "451 busy")


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_refusal_for_good_is_one_and_of_the_address_only_where_it_was_named(
    server: MailServer, mailer: SmtpMailer, command: str
) -> None:
    server.at[command] = says("550 unknown")

    assert mailer.send(LETTER) == Answer(False, True, "550 unknown", of_address=command == "RCPT")


@pytest.mark.parametrize(
    ("answer", "of_address"),
    [
        ("550 5.1.1 no such user", True),
        ("551 not here", True),
        ("553 name not allowed", True),
        ("556 this domain takes no mail", True),
        ("550 5.2.1 disabled", True),
        ("554 5.1.1 no such user", True),
        ("550 5.7.1 we do not like you", False),
        ("552 5.2.2 full", False),
        ("552 full", False),
        ("554 no", False),
        ("503 not now", False),
        ("450 5.1.1 odd", False),
    ],
)
def test_only_an_address_that_will_never_be_there_is_refused_as_such(
    server: MailServer, mailer: SmtpMailer, answer: str, of_address: bool
) -> None:
    server.at["RCPT"] = says(answer)

    assert mailer.send(LETTER).of_address == of_address


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_after_a_refusal_the_next_mail_goes_over_the_same_connection(
    server: MailServer, mailer: SmtpMailer, command: str
) -> None:
    server.at[command] = says("550 unknown")
    mailer.send(LETTER)
    server.at.clear()

    assert mailer.send(LETTER).taken
    assert server.greeted == 1


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_an_answer_that_is_none_does_not_count_as_yes(server: MailServer, mailer: SmtpMailer, command: str) -> None:
    server.at[command] = says("well")

    answer = mailer.send(LETTER)

    assert (answer.taken, answer.permanent) == (False, False)


def test_any_yes_to_the_address_is_one(server: MailServer, mailer: SmtpMailer) -> None:
    server.at["RCPT"] = says("252 perhaps")

    assert mailer.send(LETTER).taken
    assert len(server.taken) == 1


def test_a_server_that_hangs_up_after_its_refusal_has_refused(server: MailServer, mailer: SmtpMailer) -> None:
    server.at |= {"RCPT": says("550 unknown"), "RSET": hang_up}

    assert mailer.send(LETTER) == Answer(False, True, "550 unknown", of_address=True)


def test_a_server_that_receives_nobody_refuses_no_mail_for_good(server: MailServer, mailer: SmtpMailer) -> None:
    server.at["EHLO"] = says("554 go away")

    assert mailer.send(LETTER) == Answer(False, False, "554 go away")


def test_a_wrong_password_refuses_no_mail_for_good(running: Controller) -> None:
    mailer = SmtpMailer(f"smtp://me:wrong@127.0.0.1:{running.port}", FROM, timedelta(seconds=10))

    answer = mailer.send(LETTER)

    assert (answer.taken, answer.permanent) == (False, False)


def test_a_long_answer_is_cut_and_put_on_one_line(server: MailServer, mailer: SmtpMailer) -> None:
    server.at["DATA"] = says("550 " + "x" * 400)

    text = mailer.send(LETTER).text

    assert len(text) == len("550 ") + 300


# When the server is away.


@pytest.mark.parametrize("command", ["EHLO", "MAIL", "RCPT", "DATA"])
def test_a_dropped_connection_is_tried_again_later(server: MailServer, mailer: SmtpMailer, command: str) -> None:
    server.at[command] = hang_up

    answer = mailer.send(LETTER)

    assert (answer.taken, answer.permanent) == (False, False)


def test_after_a_dropped_connection_the_next_mail_has_a_new_one(server: MailServer, mailer: SmtpMailer) -> None:
    server.at["DATA"] = hang_up
    mailer.send(LETTER)
    server.at.clear()

    assert mailer.send(LETTER).taken
    assert server.greeted == 2


def test_a_silent_server_is_not_waited_for_for_ever(server: MailServer, running: Controller) -> None:
    server.at["RCPT"] = silence
    mailer = SmtpMailer(f"smtp://127.0.0.1:{running.port}", FROM, timedelta(seconds=0.2))

    answer = mailer.send(LETTER)

    assert (answer.taken, answer.permanent) == (False, False)


@pytest.fixture
def dumb() -> Iterator[socket.socket]:
    """A server whose system accepts every connection, and that says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        yield listening


def test_a_server_that_accepts_and_says_nothing_costs_one_wait(dumb: socket.socket) -> None:
    mailer = SmtpMailer(f"smtp://127.0.0.1:{dumb.getsockname()[1]}", FROM, timedelta(seconds=0.2))

    answer = mailer.send(LETTER)

    assert (answer.taken, answer.permanent) == (False, False)
    dumb.setblocking(False)
    dumb.accept()[0].close()
    with pytest.raises(BlockingIOError):
        dumb.accept()


@pytest.fixture
def dripping(request: pytest.FixtureRequest) -> Iterator[int]:
    """The port of a server that answers as it should until a command (or its greeting), and from then on sends a
    byte now and then and never ends its line."""
    ended = threading.Event()

    def serve(listening: socket.socket) -> None:
        with suppress(OSError), listening.accept()[0] as peer, peer.makefile("rb") as lines:
            command = "GREETING"
            while command != request.param:
                peer.sendall({"GREETING": b"220 OK\r\n", "DATA": b"354 go on\r\n"}.get(command, b"250 OK\r\n"))
                line = next(line for line in lines if command != "DATA" or line == b".\r\n")
                command = line.split()[0].decode().upper()
            while not ended.wait(0.02):
                peer.sendall(b"2")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield listening.getsockname()[1]
        ended.set()


@pytest.mark.parametrize("dripping", ["GREETING", "EHLO", "RCPT", "DATA", "."], indirect=True)
def test_a_server_that_drips_is_cut_off_and_the_mail_comes_again(dripping: int) -> None:
    url, silence = f"smtp://127.0.0.1:{dripping}", timedelta(seconds=30)

    answer = SmtpMailer(url, FROM, silence, whole=timedelta(seconds=0.3)).send(LETTER)

    assert answer == Answer(False, False, TOO_LONG)


def test_connections_that_have_fallen_silent_cost_one_wait_however_many_were_kept(
    server: MailServer, running: Controller
) -> None:
    mailer = SmtpMailer(f"smtp://127.0.0.1:{running.port}", FROM, timedelta(seconds=3))
    with ThreadPoolExecutor(8) as pool:
        assert all(answer.taken for answer in pool.map(mailer.send, [LETTER] * 24))
    assert server.greeted > 1
    server.at["NOOP"] = silence

    assert mailer.send(LETTER).taken
    assert server.ignored == 1


def test_no_server_at_all_is_tried_again_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    answer = SmtpMailer(f"smtp://127.0.0.1:{port}", FROM, timedelta(seconds=1)).send(LETTER)

    assert answer == Answer(False, False, "ConnectionRefusedError")


# Connections.


def test_a_connection_is_kept_for_the_next_mail(server: MailServer, mailer: SmtpMailer) -> None:
    mailer.send(LETTER)
    mailer.send(LETTER)

    assert (server.greeted, len(server.taken)) == (1, 2)


def test_a_kept_connection_that_was_cut_is_replaced(
    server: MailServer, mailer: SmtpMailer, running: Controller
) -> None:
    mailer.send(LETTER)
    running.loop.call_soon_threadsafe(hang_up, server.connections[0])

    assert mailer.send(LETTER).taken
    assert server.greeted == 2


def test_a_kept_connection_that_says_goodbye_is_replaced(server: MailServer, mailer: SmtpMailer) -> None:
    mailer.send(LETTER)
    server.at["NOOP"] = says("421 idle for too long")

    assert mailer.send(LETTER).taken
    assert server.greeted == 2


# The mail itself.


def test_japanese_arrives_as_it_was_written(server: MailServer, mailer: SmtpMailer) -> None:
    mailer.send(LETTER)

    message = server.messages[0]
    assert message["Subject"] == "【つなぐ】回線の故障のお知らせ（本店）"
    assert message["From"] == FROM
    assert message.get_content().replace("\r\n", "\n") == LETTER.body
    assert message.get_content_type() == "text/plain"


def test_a_mail_passes_servers_that_know_seven_bits_only(server: MailServer, mailer: SmtpMailer) -> None:
    mailer.send(LETTER)

    assert server.taken[0].content.isascii()


def test_a_line_that_begins_with_a_dot_arrives(server: MailServer, mailer: SmtpMailer) -> None:
    mailer.send(replace(LETTER, body=".\n.dot\n"))

    assert server.messages[0].get_content().replace("\r\n", "\n") == ".\n.dot\n"


def test_a_mail_says_that_a_machine_wrote_it(server: MailServer, mailer: SmtpMailer) -> None:
    mailer.send(LETTER)

    assert server.messages[0]["Auto-Submitted"] == "auto-generated"


def test_the_same_letter_has_the_same_id_and_date_for_ever(server: MailServer, mailer: SmtpMailer) -> None:
    mailer.send(LETTER)
    mailer.send(LETTER)

    first, second = server.messages
    assert first["Message-ID"] == second["Message-ID"] == f"<{MAIL_ID}@tsunagu.example.jp>"
    assert first["Date"] == second["Date"]
    assert first["Date"].datetime == NOON


def test_an_answer_names_the_mail_that_it_answers(server: MailServer, mailer: SmtpMailer) -> None:
    answered = recovery_mail(ANNE).answers
    assert answered
    mailer.send(replace(LETTER, answers=(answered,)))

    message = server.messages[0]
    assert message["In-Reply-To"] == message["References"] == f"<{answered}@tsunagu.example.jp>"


def test_a_letter_that_answers_many_names_them_all(server: MailServer, mailer: SmtpMailer) -> None:
    answered = tuple(f"{place:010d}-1-fault-0123456789abcdef" for place in range(50))
    mailer.send(replace(LETTER, answers=answered))

    named = server.messages[0]["In-Reply-To"]
    assert named.split() == [f"<{id}@tsunagu.example.jp>" for id in answered]
    assert max(len(line) for line in server.taken[0].content.splitlines()) < 998


def test_a_mail_that_answers_nothing_says_so_by_silence() -> None:
    assert message_of(LETTER, FROM)["In-Reply-To"] is None


@pytest.mark.parametrize("line_break", ["\n", "\r", "\r\n", "\u0085", "\u2028"])
@pytest.mark.parametrize("field", ["subject", "to"])
def test_a_header_cannot_be_smuggled_in(server: MailServer, mailer: SmtpMailer, field: str, line_break: str) -> None:
    text = f"{getattr(LETTER, field)}{line_break}Bcc: someone@example.com"

    answer = mailer.send(replace(LETTER, **{field: text}))  # type: ignore[arg-type]

    assert not answer.taken
    assert server.taken == []


def test_what_cannot_be_written_is_given_up_and_the_next_mail_goes(server: MailServer, mailer: SmtpMailer) -> None:
    broken: Letter = replace(LETTER, to="阿部@example.jp")

    assert mailer.send(broken) == Answer(False, True, "This mail cannot be written.")
    assert mailer.send(LETTER).taken
