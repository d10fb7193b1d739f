"""An area, and one alarm for all of its lines."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from contracts.linewatch import LineFaulted, LineRecovered
from services.linewatch.tests.conftest import ELSEWHERE
from services.linewatch.tests.examples import CONTRACT_IMPORTED, NUMBER, OTHER, RECOVERY, REPORT
from services.linewatch.tests.stand_ins import MemoryContracts

Headers = dict[str, str]
Client = Any
AREA = "/areas/kansai"
ALARM = {name: value for name, value in REPORT.items() if name != "line"} | {"area": "kansai"}
OVER = {name: value for name, value in RECOVERY.items() if name != "line"} | {"area": "kansai"}


@pytest.fixture
def put(client: Client, as_operator: Headers) -> Callable[..., Any]:
    def send(lines: list[str], circuits: list[str] = [], **headers: str) -> Any:  # noqa: B006
        body = {"lines": lines, "circuits": circuits}
        return client.put(AREA, json=body, headers=as_operator | headers)

    return send


@pytest.fixture
def report(client: Client, as_monitor: Headers) -> Callable[..., Any]:
    def send(*items: Any) -> Any:
        answer = client.post("/line-events", json=list(items), headers=as_monitor)
        assert answer.status_code == 202
        return answer.json["results"]

    return send


def said(store: Any, kind: type[LineFaulted | LineRecovered]) -> list[str]:
    return [one.event.contract_number for one in store.scan() if isinstance(one.event, kind)]


def test_an_area_shows_what_was_put(client: Client, put: Callable[..., Any], as_operator: Headers) -> None:
    answer = put(["06-0000-1111", OTHER, OTHER], ["C-7"])

    assert answer.status_code == 200
    assert answer.json == {"area": "kansai", "lines": [NUMBER, OTHER], "circuits": ["C-7"]}
    assert client.get(AREA, headers=as_operator).json == answer.json


def test_an_area_that_nobody_made_is_not_found(client: Client, as_operator: Headers) -> None:
    assert client.get(AREA, headers=as_operator).status_code == 404
    assert client.delete(AREA, headers=as_operator).status_code == 404


def test_one_alarm_faults_every_line_of_its_area(
    store: Any, put: Callable[..., Any], report: Callable[..., Any]
) -> None:
    put([OTHER, NUMBER, "0900000000"], ["C-7"])

    (result,) = report(ALARM)

    assert result == {"index": 0, "id": "e1", "status": "accepted", "lines": 2}
    assert sorted(said(store, LineFaulted)) == [NUMBER, ELSEWHERE]


def test_its_recovery_is_the_recovery_of_every_line(
    store: Any, put: Callable[..., Any], report: Callable[..., Any]
) -> None:
    put([NUMBER], ["C-7"])

    report(ALARM)
    report(OVER)

    assert sorted(said(store, LineRecovered)) == [NUMBER, ELSEWHERE]


def test_the_same_alarm_again_is_a_duplicate(put: Callable[..., Any], report: Callable[..., Any]) -> None:
    put([NUMBER], ["C-7"])
    report(ALARM)

    assert [result["status"] for result in report(ALARM)] == ["duplicate"]


def test_a_line_that_came_into_the_area_faults_when_the_alarm_is_repeated(
    store: Any, put: Callable[..., Any], report: Callable[..., Any]
) -> None:
    put([NUMBER])
    report(ALARM)
    put([NUMBER], ["C-7"])

    assert [result["status"] for result in report(ALARM)] == ["accepted"]
    assert said(store, LineFaulted) == [NUMBER, ELSEWHERE]


def test_a_line_that_leaves_the_area_is_rid_of_its_alarm(
    store: Any, put: Callable[..., Any], report: Callable[..., Any]
) -> None:
    put([NUMBER], ["C-7"])
    report(ALARM, REPORT | {"id": "own", "alarm": "own"})

    put([NUMBER])

    assert said(store, LineRecovered) == [ELSEWHERE]


def test_a_line_that_is_named_in_another_way_stays(
    store: Any, put: Callable[..., Any], report: Callable[..., Any]
) -> None:
    put([NUMBER])
    report(ALARM)

    put([], ["C-1111"])

    assert not said(store, LineRecovered)


def test_an_area_that_is_removed_takes_its_alarms_along(
    client: Client, store: Any, put: Callable[..., Any], report: Callable[..., Any], as_operator: Headers
) -> None:
    put([NUMBER], ["C-7"])
    report(ALARM)

    assert client.delete(AREA, headers=as_operator).status_code == 204
    assert sorted(said(store, LineRecovered)) == [NUMBER, ELSEWHERE]
    assert report(OVER)[0]["code"] == "unknown-area"


def test_an_area_that_nobody_made_and_one_without_lines_are_refused(
    put: Callable[..., Any], report: Callable[..., Any]
) -> None:
    assert [result["code"] for result in report(ALARM)] == ["unknown-area"]
    put(["0900000000"])
    assert [result["code"] for result in report(ALARM)] == ["unknown-line"]


def test_an_old_tag_changes_nothing(put: Callable[..., Any], store: Any, report: Callable[..., Any]) -> None:
    tag = put([NUMBER]).headers["ETag"]
    put([NUMBER], ["C-7"])
    report(ALARM)

    assert put([NUMBER], **{"If-Match": tag}).status_code == 412
    assert not said(store, LineRecovered)


@pytest.mark.parametrize("caller", ["as_monitor", "as_customer"])
def test_areas_are_for_operators(client: Client, caller: str, request: pytest.FixtureRequest) -> None:
    for path in (AREA, "/areas"):
        assert client.get(path, headers=request.getfixturevalue(caller)).status_code == 403


def test_ten_thousand_lines_cost_as_many_round_trips_as_one(
    store: Any, contracts: MemoryContracts, put: Callable[..., Any], report: Callable[..., Any]
) -> None:
    for place in range(10_000):
        number = f"07{place:08}"
        contract = replace(CONTRACT_IMPORTED.contract, contract_number=number, circuit=f"D-{place}", numbers={})
        contracts.rows[number] = {"names": [number, f"circuit:{contract.circuit}"], "_seen": {}}
    put([], [f"D-{place}" for place in range(10_000)])
    store.calls.clear()
    contracts.questions = 0

    (result,) = report(ALARM)

    assert result["lines"] == 10_000
    assert contracts.questions == 1
    assert dict(store.calls) == {"load_many": 2, "append_many": 1}
    assert len(said(store, LineFaulted)) == 10_000


def test_more_lines_than_an_area_may_have_are_refused(put: Callable[..., Any]) -> None:
    answer = put([f"07{place:08}" for place in range(20_001)])

    assert (answer.status_code, answer.json["code"]) == (422, "too-many-lines")


def test_a_name_that_cannot_be_shown_is_refused(client: Client, as_operator: Headers) -> None:
    assert client.put("/areas/%01", json={}, headers=as_operator).status_code == 422


def test_areas_are_listed_by_name_a_page_at_a_time(client: Client, as_operator: Headers) -> None:
    for name in ("kyoto", "kansai", "nara", "osaka"):
        client.put(f"/areas/{name}", json={"lines": [NUMBER], "circuits": ["C-7"]}, headers=as_operator)
    client.delete("/areas/nara", headers=as_operator)

    first = client.get("/areas?limit=2", headers=as_operator).json
    second = client.get(f"/areas?limit=2&after={first['next']}", headers=as_operator).json

    assert first == {"items": [{"area": "kansai", "lines": 2}, {"area": "kyoto", "lines": 2}], "next": "kyoto"}
    assert second == {"items": [{"area": "osaka", "lines": 2}], "next": None}
