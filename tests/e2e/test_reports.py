"""What operators do for monitoring systems: areas, and alerts that nobody could take."""

from typing import Any

from chassis.testing import eventually
from tests.e2e.customer import API, Customer

ALERTS = f"{API}/line-events/alertmanager"


def alert(line: str, run: str) -> dict[str, Any]:
    labels = {"alertname": "LineDown", "severity": "critical", "line": line, "run": run}
    started = "2026-11-23T00:00:00Z"
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {},
        "startsAt": started,
        "fingerprint": f"{run}-{line}",
    }


def test_an_alert_of_a_line_that_was_not_known_is_kept_and_taken_later(unsigned: Any) -> None:
    customer: Customer = unsigned()
    body = {"alerts": [alert(customer.number, customer.run)]}
    early = customer.monitor.post(ALERTS, body)
    assert (early.status, early.body["results"][0]["code"]) == (202, "unknown-line")
    kept = customer.operator.get(f"{API}/line-events/refused").body["items"]
    (id,) = [one["id"] for one in kept if customer.run in one["item"]]

    customer.sign()
    again = customer.operator.post(f"{API}/line-events/refused/retry", {"ids": [id]})

    assert [result["status"] for result in again.body["results"]] == ["accepted"]
    customer.once_faulted()
    left = customer.operator.get(f"{API}/line-events/refused").body["items"]
    assert id not in [one["id"] for one in left]


def test_an_area_is_listed_and_its_alarm_faults_its_lines(customer: Customer) -> None:
    area = f"area-{customer.number}"
    body = {"circuits": [f"C-{customer.number}"]}
    assert customer.operator.put(f"{API}/areas/{area}", body).status == 200

    page = f"{API}/areas?after=area-&limit=1000"
    eventually(lambda: {"area": area, "lines": 1} in customer.operator.get(page).body["items"])
    item = {name: value for name, value in customer.report("faulted").items() if name != "line"} | {"area": area}
    assert customer.says(item) == ["accepted"]
    customer.once_faulted()
    assert customer.operator.delete(f"{API}/areas/{area}").status == 204
    eventually(lambda: not customer.faulted())
    eventually(lambda: customer.operator.get(page).body["items"] == [])
