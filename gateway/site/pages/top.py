"""The first page: what is contracted, what is on, what happens to a call now, and whether the line is well.

It asks each service once, however many numbers there are; what one cannot tell in time is said to be unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import flask
from flask import Blueprint
from flask.typing import ResponseReturnValue

from contracts import phone
from gateway.site import browser
from gateway.site.desk import Me, Site
from gateway.site.fragments import Fragments
from gateway.site.returning import here
from gateway.site.services import Object

SHOWN = 20
# Options of a number, in the order of the guide.
NUMBER_OPTIONS = ("voicewarp", "incoming-mail", "fax-mail")
# Its state is told with where a call goes, which it decides.
TOLD_BY_ROUTING = "voicewarp"
# Of the contract's options, those whose service tells of them with those of numbers.
TOLD_WITH = {"fault-notice": "incoming-mail"}


@dataclass(frozen=True)
class Number:
    """A number as the page shows it: what happens to a call, and the state of each option, None where unknown."""

    number: str
    sentence: str
    states: Mapping[str, Object | None]


@dataclass(frozen=True)
class Overview:
    """All that the page shows. `line` and the contract's options are None where unknown, {} where not contracted."""

    numbers: Sequence[Number]
    contract: Mapping[str, Object | None]
    line: Object | None
    found: int
    page: int
    pages: int


def blueprint(site: Site) -> Blueprint:
    pages = Blueprint("top", __name__)
    card = Fragments(site.templates, "top/number.html", "number_card")

    @pages.get("/")
    @site.private
    def show() -> ResponseReturnValue:
        wanted, page = flask.request.args.get("q", ""), flask.request.args.get("page", 1, type=int)
        shown = overview(site, wanted, page)
        return site.render("top/top.html", me=site.me, overview=shown, q=wanted, back=here("top"), number_card=card)

    return pages


def overview(site: Site, wanted: str = "", page: int = 1, shown: int = SHOWN) -> Overview:
    """Those numbers whose digits hold `wanted`, `shown` of them a page."""

    def leaf(me: Me) -> "_Leaf":
        return _leaf([number for number in me.numbers if phone.normalise(wanted) in number], page, shown)

    told = site.look(lambda me: _paths(me, leaf(me).numbers))
    me, one_page = site.me, leaf(site.me)
    contract = {option: _of_contract(told, option) for option in me.options}
    states = [Number(one, _sentence(told["routing"], one), _states(me, told, one)) for one in one_page.numbers]
    return Overview(states, contract, told.get("line"), *one_page[1:])


class _Leaf(NamedTuple):
    """The numbers of a page, how many there are in all, and which page of how many it is."""

    numbers: Sequence[str]
    found: int
    page: int
    pages: int


def _leaf(found: Sequence[str], page: int, shown: int) -> _Leaf:
    """The nearest there is to the page that was asked for."""
    pages = -(-len(found) // shown)
    page = max(1, min(page, pages))
    return _Leaf(found[(page - 1) * shown : page * shown], len(found), page, pages)


def _paths(me: Me, numbers: Sequence[str]) -> dict[str, str]:
    """One for each service that has to be asked."""
    asked = ",".join(numbers)
    options = {option for number in numbers for option in me.numbers[number]} - {TOLD_BY_ROUTING}
    options |= {TOLD_WITH[option] for option in me.options if option in TOLD_WITH}
    alone = [option for option in me.options if option not in TOLD_WITH]
    contract = {option: f"/contracts/{me.contract_number}/{option}" for option in alone}
    line = {"line": f"/lines/{me.contract_number}"} if me.all_numbers else {}
    states = {option: f"/me/{option}?numbers={asked}" for option in NUMBER_OPTIONS if option in options}
    return {**contract, **line, **states, "routing": f"/me/routing?numbers={asked}"}


def _states(me: Me, told: Mapping[str, Object | None], number: str) -> dict[str, Object | None]:
    contracted = [option for option in NUMBER_OPTIONS if option in me.numbers[number]]
    decision = _of(told["routing"], number) or {}
    return {
        option: decision.get(option) if option == TOLD_BY_ROUTING else _of(told.get(option), number)
        for option in contracted
    }


def _of_contract(told: Mapping[str, Object | None], option: str) -> Any:
    if option not in TOLD_WITH:
        return told[option]
    answer = told[TOLD_WITH[option]]
    return answer.get("contract", {}).get(option) if answer else None


def _of(told: Object | None, number: str) -> Any:
    return told["numbers"].get(number) if told else None


def _sentence(told: Object | None, number: str) -> str:
    decision = _of(told, number)
    return str(decision["sentence"][browser.language()]) if decision else ""
