"""One setting of a contract or of a number over HTTP: looked at, edited, started and stopped.

Every answer is the whole setting with its ETag, so that a caller never has to ask again after a change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from flask import Response
from marshmallow import Schema, fields, validate

from chassis.answers import Answer
from chassis.handling import Handler, Outcome
from chassis.headers import IDEMPOTENCY_KEY, IF_MATCH, IF_MATCH_NEEDED, takes
from chassis.web import Blueprint, Query, customer, if_match, once, origin, principal, reply

State = TypeVar("State")
# One of the access decorators.
Access = Callable[[Callable[..., Any]], Callable[..., Any]]
# Makes the command of an order to act; its docstring is what the documentation says of the route.
Order = Callable[[], Any]
# How the documentation says that an answer has an ETag.
TAGGED = {"ETag": {"description": "Of the setting as it is shown, for If-Match.", "schema": {"type": "string"}}}


@dataclass(frozen=True)
class Setting(Generic[State]):
    """A stream's state as a setting. `shown` is what GET answers of it.

    It raises NotFound for a state that nobody may see, as that of an option that is not contracted.
    `complete` adds to a command what its rule has to know of other streams, before it is decided. `done` is told whose
    setting it is and what came of a command, when that is durable and before it is answered.
    """

    handler: Handler[State]
    shown: Callable[[State], Mapping[str, Any]]
    complete: Callable[[str, Any], Any] = lambda id, command: command
    done: Callable[[str, Outcome[State]], None] = lambda id, outcome: None

    def show(self, id: str) -> Response:
        """Read from its stream, never behind."""
        return reply(self.shown(self.handler.read(id).state))

    def carry_out(self, id: str, command: Any, *, need_match: bool, status: int = 200) -> Response:
        """The setting after the command. An edit needs If-Match; for an order to act it is optional."""
        check = if_match(required=need_match)
        whole = self.complete(id, command)
        outcome = self.handler.handle(id, whole, origin(), guard=lambda state: check(self.shown(state)), once=once())
        self.done(id, outcome)
        return reply(self.shown(outcome.state), status)

    def add_routes(
        self,
        routes: Blueprint,
        path: str,
        access: Access,
        *,
        body: type[Schema],
        answer: type[Schema],
        start: Order,
        stop: Order,
    ) -> None:
        """GET and PUT of `path`, POST of its /start and /stop.

        The whole path, with the blueprint's prefix, has one variable: whose setting it is. `body` loads the command of
        an edit, `answer` documents what is shown.
        """

        @routes.get(path)
        @access
        @routes.response(200, answer, headers=TAGGED)
        def show(**whose: str) -> Response:
            """The setting as it is. Read from its stream, never behind."""
            return self.show(_one(whose))

        @routes.put(path)
        @access
        @routes.arguments(body)
        @routes.response(200, answer, headers=TAGGED)
        @takes(IF_MATCH_NEEDED, IDEMPOTENCY_KEY)
        def edit(command: Any, **whose: str) -> Response:
            """The setting anew, in force at once. Needs If-Match."""
            return self.carry_out(_one(whose), command, need_match=True)

        self._add_order(routes, f"{path}/start", access, answer, start)
        self._add_order(routes, f"{path}/stop", access, answer, stop)

    def _add_order(self, routes: Blueprint, path: str, access: Access, answer: type[Schema], order: Order) -> None:
        def act(**whose: str) -> Response:
            return self.carry_out(_one(whose), order(), need_match=False)

        act.__doc__ = f"{order.__doc__} If-Match is optional, as an order to act is not an edit."
        documented = takes(IF_MATCH, IDEMPOTENCY_KEY)(routes.response(200, answer, headers=TAGGED)(act))
        routes.post(path, endpoint=path.rpartition("/")[2])(access(routes.takes_nothing(documented)))


class NumbersQuery(Query):
    """`numbers` separated by commas, none where it is empty; without it all of the caller's."""

    numbers = fields.String(load_default=None, validate=validate.Length(max=20_000))


class OverviewSchema(Answer):
    """Something of each number that has it."""

    numbers = fields.Dict(fields.String(), fields.Dict())


class ContractOverviewSchema(OverviewSchema):
    """And of options of the whole contract."""

    contract = fields.Dict(fields.String(), fields.Dict())


def add_overview(
    routes: Blueprint,
    path: str,
    tell: Callable[[Sequence[str]], Mapping[str, Mapping[str, Any]]],
    promise: str,
    of_contract: Callable[[str], Mapping[str, Mapping[str, Any]]] | None = None,
) -> None:
    """GET of `path`: what `tell` says of the caller's own numbers, in one look for all of them, and where there is
    `of_contract`, what that says of options of the whole contract to whoever may see them.

    `promise` is what the documentation says of the route; both leave out that of which there is nothing to say.
    """

    def show_all(query: dict[str, str | None]) -> Response:
        caller, wanted = principal(), query["numbers"]
        asked = sorted(caller.numbers) if wanted is None else wanted.split(",")
        told: dict[str, Any] = {"numbers": tell([number for number in asked if number in caller.numbers])}
        if of_contract:
            whole = caller.contract_number if caller.all_numbers else None
            told["contract"] = of_contract(whole) if whole else {}
        return reply(told)

    show_all.__doc__ = promise
    documented = routes.response(200, ContractOverviewSchema if of_contract else OverviewSchema)(show_all)
    taken = routes.arguments(NumbersQuery, location="query")(documented)
    routes.get(path, endpoint=path.strip("/").replace("/", "-"))(customer(taken))


def _one(whose: Mapping[str, str]) -> str:
    (id,) = whose.values()
    return id
