"""`./tsunagu phone NUMBER`: a telephone in the terminal. Guidance is printed, and spoken to WAV files where it can be.

At a terminal each key counts as it is pressed; from a pipe each line is what is pressed at once, so a script can call.
"""

import contextlib
import hashlib
import os
import re
import select
import shutil
import subprocess
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from devstack import seed
from devstack.client import Answer, Client, expect
from devstack.places import Places
from devstack.running import DEFAULT_ROOT, need
from devstack.trouble import Trouble

CALLS = "/api/v1/ivr/calls"
KEYS = "0123456789*#"
HANG_UP = "h"
# The guide's; a voice platform has a setting for it (services/ivr/settings.py).
SILENCE_SECONDS = 10.0
# The end of a call in which nothing was set; the guide's words too (services/ivr/model.py).
NOTHING_SET = "はじめからやり直してください"
HOW_TO = "Keys 0-9 * #; h hangs up; 10 s without a key is silence."
SPEECH_SECONDS = 60.0
# Where packages put open_jtalk's dictionary and voices; these variables name others.
DICTIONARY, VOICE = "OPEN_JTALK_DICTIONARY", "OPEN_JTALK_VOICE"
PREFIXES = (Path("/usr"), Path("/usr/local"), Path("/opt/homebrew/opt/open-jtalk"), Path("/var/lib"))
DICTIONARIES = ("share/open_jtalk/open_jtalk_dic*", "mecab/dic/open-jtalk/naist-jdic", "dic")
VOICES = ("share/hts-voice/*/*.htsvoice", "voice/*/*.htsvoice")
SPOKEN = ("ゼロ", "イチ", "ニ", "サン", "ヨン", "ゴ", "ロク", "ナナ", "ハチ", "キュウ")

# What is pressed next: keys, "" for silence, None when the caller hangs up. `secret`: it need not be seen.
Pressed = Callable[[bool], str | None]
Say = Callable[[str], None]


def call(caller: str) -> bool:
    """One call on the running stack of this folder. Whether a password was set."""
    running, places = need(), Places(DEFAULT_ROOT)
    key = seed.read_keys(places).get(seed.IVR)
    if not key:
        raise Trouble("There is no key for the telephone yet; wait until ./tsunagu up says that it runs.")
    voices = Voices.here(places.voices)
    client, speak = Client(running.gateway_url, key), voices.speak if voices else _silent
    if not sys.stdin.isatty():
        return Telephone(client, speak, print).call(caller, lines(sys.stdin))
    print(HOW_TO)
    with key_by_key(sys.stdin.fileno()) as pressed:
        return Telephone(client, speak, lambda line: print(f"\n{line}")).call(caller, pressed)


@dataclass(frozen=True)
class Telephone:
    """Talks to ivr as a telephone switch would. `speak` gives the file that a guidance was spoken to, if any."""

    client: Client
    speak: Callable[[str], Path | None]
    say: Say

    def call(self, caller: str, pressed: Pressed) -> bool:
        """Whether a password was set: not when the caller hung up, or was wrong for the third time and is told so.
        Trouble when the call is refused."""
        turn = self._tell(self.client.post(CALLS, {"caller": caller}), "The call")
        path = f"{CALLS}/{turn['call_id']}"
        while not turn["finished"]:
            keys = pressed(turn["expects"]["length"] == 8)
            if keys is None:
                expect(self.client.delete(path), "Hanging up")
                self.say("(電話を切りました)")
                return False
            turn = self._tell(self.client.post(f"{path}/keys", {"keys": keys} if keys else {"timeout": True}), "A key")
        return not any(NOTHING_SET in guidance for guidance in turn["guidance"])

    def _tell(self, answer: Answer, what: str) -> dict[str, Any]:
        turn: dict[str, Any] = expect(answer, what).body
        for guidance in turn["guidance"]:
            self.say(f"「{guidance}」")
            if file := self.speak(guidance):
                self.say(f"  ♪ {file}")
        return turn


def _silent(guidance: str) -> None:
    """There is no synthesiser."""


@contextlib.contextmanager
def key_by_key(terminal: int, silence: float = SILENCE_SECONDS) -> Iterator[Pressed]:
    """Each key of a terminal counts at once; what is no key of a telephone is passed over."""
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield lambda secret: _one_key(terminal, silence, secret)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def lines(source: IO[str]) -> Pressed:
    """Each line is pressed at once; an empty one is silence, `h` or the end hangs up. Anything but keys is left out."""

    def pressed(_secret: bool) -> str | None:
        while line := source.readline():
            keys = "".join(key for key in line if key in KEYS)
            if keys or not line.strip():
                return keys
            if line.strip().lower() == HANG_UP:
                return None
        return None

    return pressed


def _one_key(terminal: int, silence: float, secret: bool) -> str | None:
    while True:
        ready, _, _ = select.select([terminal], [], [], silence)
        if not ready:
            return ""
        key = os.read(terminal, 1).decode("ascii", "replace")
        if key in (HANG_UP, "\x04", ""):
            return None
        if key in KEYS:
            print("•" if secret else key, end="", flush=True)
            return key


@dataclass(frozen=True)
class Voices:
    """Speaks with open_jtalk, each sentence once; the files stay in `folder`."""

    folder: Path
    command: Sequence[str]

    @classmethod
    def here(cls, folder: Path, prefixes: Sequence[Path] = PREFIXES) -> "Voices | None":
        """None unless open_jtalk, a dictionary and a voice are installed."""
        program = shutil.which("open_jtalk")
        dictionary = os.environ.get(DICTIONARY) or _first(prefixes, DICTIONARIES)
        voice = os.environ.get(VOICE) or _first(prefixes, VOICES)
        return cls(folder, (program, "-x", dictionary, "-m", voice)) if program and dictionary and voice else None

    def speak(self, sentence: str) -> Path | None:
        """The WAV file, made now unless it is there; None when the synthesiser fails."""
        file = self.folder / f"{hashlib.sha256(sentence.encode()).hexdigest()[:16]}.wav"
        if not file.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            draft = file.with_suffix(f".{os.getpid()}")
            if not self._make(sentence, draft):
                draft.unlink(missing_ok=True)
                return None
            draft.replace(file)
        return file

    def _make(self, sentence: str, file: Path) -> bool:
        command = [*self.command, "-ow", str(file)]
        try:
            done = subprocess.run(
                command, input=spelled(sentence).encode(), capture_output=True, timeout=SPEECH_SECONDS, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0 and file.exists()


def _first(prefixes: Sequence[Path], patterns: Sequence[str]) -> str | None:
    found = (path for prefix in prefixes for pattern in patterns for path in sorted(prefix.glob(pattern)))
    return next(map(str, found), None)


def spelled(sentence: str) -> str:
    """The sentence with telephone numbers digit by digit, as a synthesiser would not read them by itself."""
    return re.sub(r"[0-9]{10,11}", lambda number: "、".join(SPOKEN[int(digit)] for digit in number[0]), sentence)
