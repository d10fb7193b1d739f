from pathlib import Path

import pytest

from chassis.auth import Principal, make_signing_key, read_jwks, write_jwks
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import now
from services.auth.adapters import MemoryLastSeen
from services.auth.bootstrap import CODEC
from services.auth.commands import api_key, token_key
from services.auth.flows.keys import Keys
from services.auth.model.keyring import CATEGORY, DECIDER


@pytest.fixture
def ring() -> Keys:
    return Keys(Handler(MemoryStore(CODEC), DECIDER, CATEGORY), MemoryLastSeen())


def test_a_key_is_printed_alone_and_good(ring: Keys, capsys: pytest.CaptureFixture[str]) -> None:
    status = api_key(ring)(["create", "noc-west", "--scope", "line-events", "--scope", "calls"])

    printed = capsys.readouterr().out.splitlines()
    assert (status, len(printed)) == (0, 1)
    assert ring.caller(printed[0], now()) == Principal("machine", "noc-west", frozenset({"line-events", "calls"}))
    assert ring.all()[0].scopes == ("line-events", "calls")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["create"],
        ["create", "noc-west"],
        ["create", "noc-west", "--scope"],
        ["create", "noc-west", "--scope", "root"],
        ["create", "noc-west", "line-events"],
        ["create", "noc-west", "--scope", "calls", "--scope"],
        ["revoke", "noc-west", "--scope", "calls"],
    ],
)
def test_anything_else_is_answered_with_the_usage(
    ring: Keys, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    status = api_key(ring)(arguments)

    printed = capsys.readouterr()
    assert (status, printed.out) == (2, "")
    assert printed.err.startswith("usage:")
    assert ring.all() == []


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    signing, public = tmp_path / "signing.pem", tmp_path / "jwks.json"
    make_signing_key(signing)
    write_jwks(public, signing)
    return signing, public


def test_the_token_key_is_rotated_and_the_old_one_still_published(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = set(read_jwks(files[1]))

    status = token_key(*files)(["rotate"])

    new = capsys.readouterr().out.strip()
    assert (status, set(read_jwks(files[1]))) == (0, before | {new})
    assert new not in before


@pytest.mark.parametrize("arguments", [[], ["rotate", "now"], ["create"]])
def test_anything_else_rotates_nothing(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    before = [file.read_bytes() for file in files]

    status = token_key(*files)(arguments)

    assert (status, capsys.readouterr().err) == (2, "usage: token-key rotate\n")
    assert [file.read_bytes() for file in files] == before
