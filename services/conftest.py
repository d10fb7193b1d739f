"""What the tests of all services share: real signing keys, callers with real tokens, a store that counts and fails."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask
import pytest

from chassis.auth import Principal, TokenIssuer, make_signing_key, write_jwks
from chassis.documented import Described, DocumentedClient
from chassis.errors import Unavailable
from chassis.memory_store import MemoryStore
from chassis.messages import Codec, now
from chassis.passwords import make_pepper
from chassis.store import NOTHING, Answer, Commit, Loaded, Seen

Headers = dict[str, str]


@dataclass(frozen=True)
class KeyFiles:
    """The key files of a test run, and tokens signed with them."""

    signing: Path
    public: Path
    pepper: Path

    def caller(self, who: Principal) -> Headers:
        token = TokenIssuer.from_file(self.signing).issue(who, lifetime=timedelta(hours=12), at=now())
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    folder = tmp_path_factory.mktemp("keys")
    files = KeyFiles(folder / "signing.pem", folder / "jwks.json", folder / "pepper")
    make_signing_key(files.signing)
    write_jwks(files.public, files.signing)
    make_pepper(files.pepper)
    return files


@pytest.fixture(scope="session")
def as_operator(keys: KeyFiles) -> Headers:
    return keys.caller(Principal("operator", "desk", frozenset({"operator"})))


@pytest.fixture(scope="session")
def as_customer(keys: KeyFiles) -> Headers:
    """All numbers of the guide's contract."""
    numbers = frozenset({"0600001111", "0600002222"})
    return keys.caller(Principal("customer", "0600001111", frozenset(), "0600001111", numbers, all_numbers=True))


@pytest.fixture(scope="session")
def as_one_number(keys: KeyFiles) -> Headers:
    """One number of the guide's contract, and nothing contract-wide."""
    return keys.caller(Principal("customer", "0600002222", frozenset(), "0600001111", frozenset({"0600002222"})))


@pytest.fixture(scope="session")
def as_stranger(keys: KeyFiles) -> Headers:
    """All numbers of another contract."""
    numbers = frozenset({"0720001111"})
    return keys.caller(Principal("customer", "0720001111", frozenset(), "0720001111", numbers, all_numbers=True))


@pytest.fixture(scope="session")
def as_monitor(keys: KeyFiles) -> Headers:
    return keys.caller(Principal("machine", "noc-west", frozenset({"line-events"})))


@pytest.fixture(scope="session")
def as_switch(keys: KeyFiles) -> Headers:
    """A machine that has nothing to do with lines and settings."""
    return keys.caller(Principal("machine", "switch", frozenset({"calls"})))


@pytest.fixture(scope="session")
def as_nobody() -> Headers:
    return {}


@pytest.fixture(scope="session")
def described() -> dict[str, Described]:
    """What each service's document says of its answers, as soon as it was asked for."""
    return {}


@pytest.fixture(autouse=True)
def _answers_as_documented(described: dict[str, Described], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer of a service's own tests is one that its OpenAPI document describes."""

    class Client(DocumentedClient):
        def __init__(self, app: flask.Flask, *args: Any, **kwargs: Any) -> None:
            super().__init__(app, *args, **kwargs)
            self.described = described.get(app.name) or described.setdefault(app.name, Described.of(app))

    monkeypatch.setattr(flask.Flask, "test_client_class", Client)


class WatchedStore(MemoryStore):
    """A memory store that counts its callers' calls, and that can be away."""

    def __init__(self, codec: Codec) -> None:
        super().__init__(codec)
        self.calls: Counter[str] = Counter()
        self.away = False

    def load(self, stream: str, shape: str = "") -> Loaded:
        self._called("load")
        return super().load(stream, shape)

    def load_many(
        self, streams: Sequence[str], shape: str = "", since: Mapping[str, int] = NOTHING
    ) -> dict[str, Loaded]:
        self._called("load_many")
        return super().load_many(streams, shape, since)

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        self._called("append_many")
        return super().append_many(commits)

    def seen(self, command_ids: Sequence[str]) -> dict[str, Seen]:
        self._called("seen")
        return super().seen(command_ids)

    def _called(self, name: str) -> None:
        if self.away:
            raise Unavailable("store-unavailable")
        self.calls[name] += 1


@pytest.fixture
def watched_store() -> Callable[[Codec], WatchedStore]:
    return WatchedStore
