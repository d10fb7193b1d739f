"""A vault that works at once, and views without a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from chassis.errors import Unavailable
from chassis.messages import Recorded
from chassis.views import Row, fold_once
from services.ivr.views import CONTRACTS


@dataclass(frozen=True)
class PaperVault:
    """See `services.ivr.model.Vault`. Nobody is kept from anything, but the digits themselves do not show."""

    def seal(self, digits: str, call_id: str, noise: bytes) -> str:
        return f"sealed {call_id} {noise.hex()} {_turned(digits)}"

    def open(self, sealed: str, call_id: str) -> str:
        _, sealed_for, _, turned = sealed.split(" ")
        assert sealed_for == call_id
        return _turned(turned)

    def verifier(self, password: str, salt: bytes) -> str:
        return f"verifier {salt.hex()} {_turned(password)}"


def _turned(digits: str) -> str:
    """Each key as a letter, and back."""
    table = str.maketrans("0123456789*#abcdefghijkl", "abcdefghijkl0123456789*#")
    return digits.translate(table)


@dataclass
class MemoryContracts:
    """See `chassis.views.Views`; has the one view of ivr. `away`: as if the database were."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    away: bool = False

    def project(self, events: Sequence[Recorded]) -> None:
        for recorded in events:
            for key in CONTRACTS.keys(recorded):
                self.rows[key] = fold_once(CONTRACTS, self.rows.get(key), recorded) or self.rows[key]

    def find(self, view: str, wanted: Mapping[str, Any], *, limit: int) -> list[Row]:
        if self.away:
            raise Unavailable("store-unavailable")
        found = ({"_id": key, **row} for key, row in self.rows.items() if wanted["numbers"] in row["numbers"])
        return list(islice(found, limit))
