"""Whose contract a number belongs to. Made from auth's events; lags behind them by moments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chassis.messages import Recorded
from chassis.views import Row, View, Views
from contracts.auth import ContractRemoved


@dataclass(frozen=True)
class Subscriber:
    """A contract as far as the telephone has to know it. `known` is the sequence of its newest event that was heard."""

    contract_number: str
    numbers: frozenset[str]
    known: str = ""


def keys_contract(recorded: Recorded) -> Sequence[str]:
    event = recorded.event
    return [event.contract_number if isinstance(event, ContractRemoved) else event.contract.contract_number]


def fold_contract(row: Row | None, recorded: Recorded) -> Row:
    """`numbers` has every number of the contract; none when it has ended."""
    event = recorded.event
    numbers = [] if isinstance(event, ContractRemoved) else sorted(event.contract.numbers)
    return {"numbers": numbers, "known": recorded.sequence}


CONTRACTS = View(
    "contracts",
    frozenset({"ContractImported", "ContractChanged", "ContractRemoved"}),
    keys_contract,
    fold_contract,
    indexes=((("numbers", 1),),),
)


def subscriber(views: Views, number: str) -> Subscriber | None:
    """The contract that has the number; None when there is none, and while the news of a move from one to another have
    reached us only in part."""
    rows: Sequence[Mapping[str, Any]] = views.find(CONTRACTS.name, {"numbers": number}, limit=2)
    if len(rows) != 1:
        return None
    # A row of before it was kept has none.
    return Subscriber(rows[0]["_id"], frozenset(rows[0]["numbers"]), rows[0].get("known", ""))
