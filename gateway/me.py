"""`me`: what auth says that a caller has, joined with the state of each option, which its own service knows."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gateway.routes import STATES

State = Mapping[str, Any]
# A setting as the service of that name answers it at that path; None when it cannot tell just now.
Look = Callable[[str, str], State | None]


def joined(told: Mapping[str, Any], look: Look) -> dict[str, Any]:
    """`told` with a state in place of each option's name.

    An option whose service cannot tell has the state None; one that has no service yet has an empty one.
    """
    contract_number = told["contract_number"]
    numbers = [
        {**one, "options": _states(one["options"], look, contract_number, one["number"])} for one in told["numbers"]
    ]
    return {**told, "numbers": numbers, "options": _states(told["options"], look, contract_number)}


def _states(options: Iterable[str], look: Look, contract_number: str, number: str = "") -> dict[str, State | None]:
    return {option: _state(option, look, contract_number, number) for option in options}


def _state(option: str, look: Look, contract_number: str, number: str) -> State | None:
    if option not in STATES:
        return {}
    service, path, glance = STATES[option]
    setting = look(service, path.format(contract_number=contract_number, number=number))
    return setting and {name: setting[name] for name in glance if name in setting}


_STATES = {
    "type": "object",
    "description": "State by option; null while its service does not answer, {} where it has none yet.",
    "additionalProperties": {"type": "object", "nullable": True},
}
_ONE_NUMBER = {
    "type": "object",
    "required": ["number", "options"],
    "properties": {"number": {"type": "string"}, "options": _STATES},
}
# The joined answer, as documented.
SCHEMA = {
    "type": "object",
    "required": ["number", "unit", "contract_number", "numbers", "options"],
    "properties": {
        "number": {"type": "string", "description": "That logged in."},
        "unit": {"type": "string", "enum": ["line", "number", "admin-user"]},
        "contract_number": {"type": "string"},
        "numbers": {"type": "array", "items": _ONE_NUMBER},
        "options": _STATES,
    },
}
