"""The mail sink as a process: SMTP in, JSON and pages out."""

import os
import smtplib
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from chassis.testing import eventually
from devstack import ports
from devstack.client import Client
from devstack.places import REPOSITORY
from devstack.supervisor import Process, Supervisor
from devstack.trouble import Trouble

pytestmark = pytest.mark.integration


class Sink:
    """A running sink."""

    def __init__(self, folder: Path) -> None:
        allotted = ports.allot(["smtp", "http"], folder / "ports.json")
        self.smtp, self.http = allotted["smtp"], allotted["http"]
        self.client = Client(f"http://127.0.0.1:{self.http}")
        command = (sys.executable, "-m", "devstack.mailsink", str(folder / "mails"), str(self.smtp), str(self.http))
        self.supervisor = Supervisor(folder)
        self.supervisor.start(Process("mail", command, os.environ | {"PYTHONPATH": str(REPOSITORY)}))
        eventually(self.ready)

    def ready(self) -> bool:
        try:
            return self.client.get("/health/ready").status == 200
        except Trouble:
            return False


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    made = Sink(tmp_path)
    yield made
    made.supervisor.close()


def send(sink: Sink, to: str, subject: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "tsunagu@example.jp", to
    message["Message-ID"] = f"<{subject}@example.jp>"
    message.set_content("回線が故障しました。")
    with smtplib.SMTP("127.0.0.1", sink.smtp) as server:
        server.send_message(message)


def test_a_sent_mail_is_listed_and_shown(sink: Sink) -> None:
    send(sink, "a@example.jp", "first")
    send(sink, "b@example.jp", "second")

    listed = sink.client.get("/api/messages").body

    assert [mail["subject"] for mail in listed] == ["second", "first"]
    assert listed[1]["to"] == "a@example.jp"
    assert listed[1]["headers"]["Message-ID"] == "<first@example.jp>"
    assert listed[1]["body"].strip() == "回線が故障しました。"
    assert sink.client.get(f"/messages/{listed[0]['id']}").status == 200
    assert sink.client.get("/messages/1").status == 404


def test_an_acknowledged_mail_survives_kill_9(sink: Sink) -> None:
    send(sink, "a@example.jp", "kept")

    first = sink.supervisor.kill("mail")
    eventually(lambda: sink.supervisor.pid("mail") not in (None, first))
    eventually(sink.ready)

    assert [mail["subject"] for mail in sink.client.get("/api/messages?to=a@example.jp").body] == ["kept"]


def test_deleting_empties_it(sink: Sink) -> None:
    send(sink, "a@example.jp", "gone")

    assert sink.client.delete("/api/messages").status == 204

    assert sink.client.get("/api/messages").body == []


def test_a_bad_query_is_refused(sink: Sink) -> None:
    assert sink.client.get("/api/messages?since=yesterday").status == 400
    assert sink.client.get("/api/messages?limit=all").status == 400
