"""What the sink took is listed newest first, by recipient, and is there again after a restart."""

from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest

from devstack import mailpage
from devstack.mailbox import PARSER, Mailbox, text_of
from devstack.mailsink import as_json

A, B = "a@example.jp", "b@example.jp"


def mail(subject: str, body: str = "故障が起きました。") -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "tsunagu@example.jp", A
    message.set_content(body)
    return message.as_bytes()


@pytest.fixture
def box(tmp_path: Path) -> Mailbox:
    mailbox = Mailbox(tmp_path / "mails")
    mailbox.add("tsunagu@example.jp", (A,), mail("一通目"))
    mailbox.add("tsunagu@example.jp", (B,), mail("二通目"))
    mailbox.add("tsunagu@example.jp", (A, B), mail("三通目"))
    return mailbox


def subjects(mailbox: Mailbox, **query: object) -> list[object]:
    listed = (as_json(mailbox, entry) for entry in mailbox.newest(**query))  # type: ignore[arg-type]
    return [mail["subject"] for mail in listed if mail]


def test_the_newest_comes_first(box: Mailbox) -> None:
    assert subjects(box) == ["三通目", "二通目", "一通目"]


def test_one_recipient_sees_their_mails_only(box: Mailbox) -> None:
    assert subjects(box, to="A@example.jp") == ["三通目", "一通目"]


def test_a_limit_keeps_the_newest(box: Mailbox) -> None:
    assert subjects(box, limit=1) == ["三通目"]


def test_since_takes_the_moment_itself(box: Mailbox) -> None:
    second = box.newest()[1]

    assert subjects(box, since=second.received_at) == ["三通目", "二通目"]
    assert subjects(box, since=box.newest()[0].received_at + timedelta(microseconds=1)) == []


def test_paging_goes_on_with_older_ones(box: Mailbox) -> None:
    assert subjects(box, before=box.newest()[0].id, limit=1) == ["二通目"]


def test_everything_is_there_after_a_restart(box: Mailbox, tmp_path: Path) -> None:
    again = Mailbox(tmp_path / "mails")

    assert again.newest() == box.newest()
    assert again.newest(to=B) == box.newest(to=B)


def test_a_mail_is_decoded(box: Mailbox) -> None:
    shown = as_json(box, box.newest(to=A)[0])

    assert shown is not None
    assert shown["to"] == f"{A}, {B}"
    assert str(shown["body"]).startswith("故障が起きました。")


def test_what_was_sent_comes_back_byte_for_byte(box: Mailbox) -> None:
    entry = box.add("x@example.jp", (A,), b"Subject: x\r\n\r\nbody\r\n")

    assert box.raw(entry.id) == b"Subject: x\r\n\r\nbody\r\n"


def test_emptying_leaves_a_usable_box(box: Mailbox) -> None:
    box.clear()
    box.add("x@example.jp", (A,), mail("後"))

    assert subjects(box) == ["後"]


@pytest.mark.parametrize("name", ["", "../secret", "..", "new/1", "1\n"])
def test_a_name_that_is_no_mail_finds_nothing(box: Mailbox, name: str) -> None:
    assert box.message(name) is None


def test_markup_in_a_mail_is_shown_as_text(box: Mailbox) -> None:
    entry = box.add("x@example.jp", ("<b>@example.jp",), mail("<script>1</script>", "<img src=x>"))
    message = box.message(entry.id)
    assert message is not None

    pages = mailpage.listing([(entry, message)], "<i>", 1) + mailpage.mail(entry.id, message)

    assert "<script>" not in pages
    assert "<img" not in pages
    assert "<b>" not in pages
    assert "<i>" not in pages
    assert "&lt;img src=x&gt;" in pages


def test_a_mail_without_text_has_an_empty_body() -> None:
    message = EmailMessage()
    message.set_content(b"GIF89a", "image", "gif")

    assert text_of(message) == ""


def test_an_unknown_charset_is_read_as_well_as_can_be() -> None:
    message = PARSER.parsebytes(b"Content-Type: text/plain; charset=x-none\r\n\r\nabc\r\n")

    assert text_of(message).strip() == "abc"
