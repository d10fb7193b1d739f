"""`me`: what auth says that a caller has, joined with the state of each option, which its own service knows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from gateway.routes import STATES

State = Mapping[str, Any]


class Place(NamedTuple):
    """Where a setting is read."""

    service: str
    path: str


def places(told: Mapping[str, Any]) -> Iterator[Place]:
    """Where the state of each option is read that auth has told of."""
    contract_number = told["contract_number"]
    for number, options in [(one["number"], one["options"]) for one in told["numbers"]] + [("", told["options"])]:
        yield from (_place(option, contract_number, number) for option in options if option in STATES)


def joined(told: Mapping[str, Any], settings: Mapping[Place, State | None]) -> dict[str, Any]:
    """`told` with a state in place of each option's name, out of the settings at their places.

    An option whose service cannot tell has the state None; one that has no service yet has an empty one.
    """
    contract_number = told["contract_number"]

    def states(options: Iterable[str], number: str = "") -> dict[str, State | None]:
        return {
            option: _glance(option, settings.get(_place(option, contract_number, number))) if option in STATES else {}
            for option in options
        }

    numbers = [{**one, "options": states(one["options"], one["number"])} for one in told["numbers"]]
    return {**told, "numbers": numbers, "options": states(told["options"])}


def _place(option: str, contract_number: str, number: str) -> Place:
    service, path, _ = STATES[option]
    return Place(service, path.format(contract_number=contract_number, number=number))


def _glance(option: str, setting: State | None) -> State | None:
    return setting and {name: setting[name] for name in STATES[option].glance if name in setting}


_STATES = {
    "type": "object",
    "description": "State by option; null while its service does not answer in time, {} where it has none yet.",
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
