"""Whose line a number or a circuit is, made from auth's events; which areas and which faults there are, made from our
own. All lag behind them by moments.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from chassis.messages import Recorded
from chassis.views import Row, View
from contracts.auth import ContractRemoved
from contracts.linewatch import LineFaulted, LineFaultWorsened, LineFlapping, LineRecovered
from services.linewatch.model.area import AreaChanged
from services.linewatch.model.line import CATEGORY as LINE
from services.linewatch.model.line import LineSettled


def keys_contract(recorded: Recorded) -> Sequence[str]:
    event = recorded.event
    return [event.contract_number if isinstance(event, ContractRemoved) else event.contract.contract_number]


def fold_contract(row: Row | None, recorded: Recorded) -> Row:
    """`names` has every number, and the circuit as `circuit:<id>`; empty when the contract has ended."""
    event = recorded.event
    if isinstance(event, ContractRemoved):
        return {"names": []}
    circuit = [circuit_name(event.contract.circuit)] if event.contract.circuit else []
    return {"names": [*sorted(event.contract.numbers), *circuit]}


CIRCUIT = "circuit:"


def circuit_name(circuit: str) -> str:
    return f"{CIRCUIT}{circuit}"


CONTRACTS = View(
    "contracts",
    frozenset({"ContractImported", "ContractChanged", "ContractRemoved"}),
    keys_contract,
    fold_contract,
    indexes=((("names", 1),),),
)


def keys_area(recorded: Recorded) -> Sequence[str]:
    return [recorded.event.area]


def fold_area(row: Row | None, recorded: Recorded) -> Row:
    """How many lines the area has, by the names that it was given; 0 too when there is no such area any more."""
    event = recorded.event
    return {"exists": isinstance(event, AreaChanged), "lines": len(getattr(event, "names", ()))}


AREAS = View("areas", frozenset({"AreaChanged", "AreaRemoved"}), keys_area, fold_area)


def keys_fault(recorded: Recorded) -> Sequence[str]:
    return [recorded.stream.removeprefix(f"{LINE}-")]


def fold_fault(row: Row | None, recorded: Recorded) -> Row:
    """`since`, `severity` and `cause` are of the last fault; `flapping` while nothing is said of the line."""
    event, told = recorded.event, dict(row or _WELL)
    match event:
        case LineFaulted() | LineFaultWorsened():
            told |= {"faulted": True, "since": event.since, "severity": event.severity, "cause": event.cause}
        case LineFlapping():
            told |= {"flapping": True}
        case LineSettled():
            told |= {"flapping": False}
        case LineRecovered():
            told |= {"faulted": False, "flapping": False}
    return told


_WELL: Mapping[str, Any] = {"faulted": False, "since": None, "severity": "", "cause": "", "flapping": False}

FAULTS = View(
    "faults",
    frozenset({"LineFaulted", "LineFaultWorsened", "LineFlapping", "LineSettled", "LineRecovered"}),
    keys_fault,
    fold_fault,
    indexes=((("faulted", 1), ("_id", 1)),),
)
