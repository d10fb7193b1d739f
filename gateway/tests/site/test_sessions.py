"""The page of open logins: which is this one, and ending one or all the others."""

import re
from typing import Any

import pytest
from werkzeug import Response

from gateway.tests.site.visitor import Visitor
from gateway.tests.upstreams import json, problem


def session(id: str, *, current: bool = False) -> dict[str, Any]:
    return {
        "id": id,
        "started_at": "2026-11-23T00:00:00+00:00",
        "last_seen": "2026-11-23T01:00:00+00:00",
        "source": f"203.0.113.{id}",
        "current": current,
    }


@pytest.fixture
def three(customer: Visitor) -> Visitor:
    """A customer who is logged in with two other devices."""
    listed = [session("3"), session("2", current=True), session("1")]
    views = customer["auth"].views
    views["/sessions"] = lambda _: json({"items": listed})
    for id in ("1", "2", "3"):
        views[f"/sessions/{id}"] = lambda _: Response(status=204)
    return customer


def ended(visitor: Visitor) -> list[str]:
    return [one.path for one in visitor["auth"].asked if one.method == "DELETE"]


def test_it_shows_where_and_since_when_and_which_one_this_is(three: Visitor) -> None:
    page = three.open("/sessions").text

    heads = [re.sub("<[^>]+>", "", head) for head in re.findall("<h2>(.*)</h2>", page)]
    other = "2026年11月23日（月）09:00にログインした端末"
    assert heads == ["この端末（いま使っています）", other, other]
    assert page.index("203.0.113.2") < page.index("203.0.113.3") < page.index("203.0.113.1")
    assert page.count("2026年11月23日（月）10:00") == 3
    assert page.count("このログインを終わらせる") == 2


def test_one_is_ended(three: Visitor) -> None:
    page = three.press(three.open("/sessions"), "このログインを終わらせる")

    assert page.path == "/sessions"
    assert "ログインを1件終わらせました" in page.text
    assert ended(three) == ["/sessions/3"]


def test_all_others_are_ended_and_not_this_one(three: Visitor) -> None:
    page = three.press(three.open("/sessions"), "ほかの端末のログインをすべて終わらせる")

    assert "ほかの端末のログインをすべて終わらせました" in page.text
    assert ended(three) == ["/sessions/3", "/sessions/1"]


def test_one_that_has_ended_by_itself_is_no_trouble(three: Visitor) -> None:
    three["auth"].views["/sessions/3"] = lambda _: problem(404, "not-found")

    page = three.press(three.open("/sessions"), "ほかの端末のログインをすべて終わらせる")

    assert "終わらせました" in page.text


def test_what_could_not_be_ended_is_said(three: Visitor) -> None:
    three["auth"].views["/sessions/3"] = lambda _: problem(503, "store-unavailable")

    assert "ただいま" in three.press(three.open("/sessions"), "ほかの端末の").text
    assert "ただいま" in three.press(three.open("/sessions"), "このログインを").text


def test_alone_there_is_nothing_to_end(three: Visitor) -> None:
    three["auth"].views["/sessions"] = lambda _: json({"items": [session("2", current=True)]})

    page = three.open("/sessions").text

    assert "ほかの端末ではログインしていません" in page
    assert "終わらせる</button>" not in page


def test_it_speaks_english(three: Visitor) -> None:
    page = three.open("/sessions?lang=en").text

    assert "This device (in use now)" in page
    assert "End all other logins" in page
