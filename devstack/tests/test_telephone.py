"""The telephone of the terminal, against answers of ivr that are written down here."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from devstack import telephone
from devstack.client import Answer, Client
from devstack.telephone import Telephone, Voices, key_by_key, lines, spelled
from devstack.trouble import Trouble

MENU = {"call_id": "c1", "guidance": ["menu"], "expects": {"length": 1}, "finished": False}
PASSWORD = MENU | {"guidance": ["password"], "expects": {"length": 8}}
MIDDLE = PASSWORD | {"guidance": []}
END: dict[str, Any] = MENU | {"guidance": ["done", "goodbye"], "expects": None, "finished": True}
# What ivr says then, in the guide's words.
GIVEN_UP = ("入力された番号が正しくありません。", "一度電話を切り、はじめからやり直してください。")


@dataclass
class Switchboard:
    """See `devstack.client.Client`. Answers in turn."""

    answers: Iterator[Answer]
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def post(self, path: str, body: object = None) -> Answer:
        self.asked.append(("POST", path, body))
        return next(self.answers)

    def delete(self, path: str) -> Answer:
        self.asked.append(("DELETE", path, None))
        return next(self.answers)


@dataclass
class Terminal:
    """Runs a call with what is typed; keeps what is asked and what is printed."""

    printed: list[str] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)

    def call(self, typed: str, *turns: dict[str, Any], voices: Voices | None = None) -> bool:
        answers = [Answer(201 if place == 0 else 200, turn) for place, turn in enumerate(turns)]
        board = Switchboard(iter([*answers, Answer(204, None)]), self.asked)
        speak = voices.speak if voices else lambda guidance: None
        return Telephone(cast(Client, board), speak, self.printed.append).call("0600001111", lines(io.StringIO(typed)))


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def test_a_call_to_its_end(terminal: Terminal) -> None:
    assert terminal.call("1\n1234\n5678\n", MENU, PASSWORD, MIDDLE, END)

    assert terminal.asked == [
        ("POST", "/api/v1/ivr/calls", {"caller": "0600001111"}),
        ("POST", "/api/v1/ivr/calls/c1/keys", {"keys": "1"}),
        ("POST", "/api/v1/ivr/calls/c1/keys", {"keys": "1234"}),
        ("POST", "/api/v1/ivr/calls/c1/keys", {"keys": "5678"}),
    ]
    assert terminal.printed == ["「menu」", "「password」", "「done」", "「goodbye」"]


@pytest.mark.parametrize("typed", ["h\n", "H\n", ""])
def test_hanging_up(terminal: Terminal, typed: str) -> None:
    assert not terminal.call(typed, MENU)

    assert terminal.asked[-1] == ("DELETE", "/api/v1/ivr/calls/c1", None)


def test_after_the_third_error_nothing_is_set(terminal: Terminal) -> None:
    assert not terminal.call("9\n9\n9\n", MENU, MENU, MENU, END | {"guidance": list(GIVEN_UP)})

    assert terminal.printed[-2:] == [f"「{words}」" for words in GIVEN_UP]


def test_an_empty_line_is_silence(terminal: Terminal) -> None:
    terminal.call("\n", MENU, MENU)

    assert terminal.asked[1][2] == {"timeout": True}


def test_what_is_no_key_is_left_out(terminal: Terminal) -> None:
    terminal.call("abc\n06-0000-2222#\n", MENU, MENU)

    assert [body for _, _, body in terminal.asked[1:2]] == [{"keys": "0600002222#"}]


def test_a_refused_call_is_one_sentence() -> None:
    board = Switchboard(iter([Answer(403, {"code": "caller-not-contracted"})]))
    phone = Telephone(cast(Client, board), lambda guidance: None, print)

    with pytest.raises(Trouble, match="caller-not-contracted"):
        phone.call("0720001111", lines(io.StringIO("")))


def test_numbers_are_spelled_and_other_digits_are_not() -> None:
    assert spelled("0600001111番の1つ、最後に#") == (
        "ゼロ、ロク、ゼロ、ゼロ、ゼロ、ゼロ、イチ、イチ、イチ、イチ番の1つ、最後に#"
    )


def test_at_a_terminal_each_key_counts_as_it_is_pressed(capsys: pytest.CaptureFixture[str]) -> None:
    person, terminal = os.openpty()
    with key_by_key(terminal, 5.0) as pressed:
        os.write(person, "1x電2h".encode())

        assert [pressed(False), pressed(True), pressed(False)] == ["1", "2", None]

    assert capsys.readouterr().out == "1•"


def test_at_a_terminal_waiting_is_silence() -> None:
    _, terminal = os.openpty()

    with key_by_key(terminal, 0.01) as pressed:
        assert pressed(False) == ""


# Speech, by a synthesiser that writes down what it is asked.

RECORDER = '#!/bin/sh\necho "$@" >>"$0.calls"\nwhile [ "$1" != -ow ]; do shift; done\ncat >"$2"\n'


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the PATH with an open_jtalk, its dictionary and its voice."""
    (tmp_path / "open_jtalk").write_text(RECORDER)
    (tmp_path / "open_jtalk").chmod(0o755)
    (tmp_path / "dic").mkdir()
    (tmp_path / "voice" / "mei").mkdir(parents=True)
    (tmp_path / "voice" / "mei" / "mei.htsvoice").write_text("")
    for name in (telephone.DICTIONARY, telephone.VOICE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return tmp_path


def voices_in(folder: Path) -> Voices:
    voices = Voices.here(folder / "voices", [folder])
    assert voices
    return voices


def test_guidance_is_spoken_once(installed: Path, terminal: Terminal) -> None:
    for _ in range(2):
        terminal.call("1\n", MENU, END, voices=voices_in(installed))

    calls = (installed / "open_jtalk.calls").read_text().splitlines()
    files = sorted((installed / "voices").iterdir())
    assert len(calls) == len(files) == 3
    assert calls[0].startswith(f"-x {installed}/dic -m {installed}/voice/mei/mei.htsvoice -ow ")
    assert sorted(file.read_text() for file in files) == ["done", "goodbye", "menu"]
    assert all(file.suffix == ".wav" for file in files)
    assert terminal.printed[1].strip("♪ ") in map(str, files)


def test_a_synthesiser_that_fails_leaves_nothing(installed: Path, terminal: Terminal) -> None:
    (installed / "open_jtalk").write_text("#!/bin/sh\nexit 1\n")

    assert terminal.call("1\n", MENU, END, voices=voices_in(installed))

    assert terminal.printed == ["「menu」", "「done」", "「goodbye」"]
    assert list((installed / "voices").iterdir()) == []


@pytest.mark.parametrize("lacking", ["open_jtalk", "voice/mei/mei.htsvoice"])
def test_without_a_synthesiser_or_a_voice_nothing_is_spoken(installed: Path, lacking: str) -> None:
    (installed / lacking).unlink()

    assert Voices.here(installed / "voices", [installed]) is None


def test_another_voice_can_be_named(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(telephone.VOICE, "takumi.htsvoice")

    assert "takumi.htsvoice" in voices_in(installed).command
