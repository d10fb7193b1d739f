"""Rules fire when they should, alerts lead to a page that helps, and dashboards can be shown."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from devstack.__main__ import tsunagu
from devstack.services import GATEWAY, SERVICES, tasks
from tests.deploy import monitoring
from tests.house.repository import told

RUNBOOK = re.compile(r"https://tsunagu\.example/docs/runbooks/([a-z-]+\.md)")
PARTS = ("## What customers feel", "## What to look at", "## What to do")
UNITS = frozenset({"s", "none", "short", "bytes", "percentunit", "ops", "reqps"})
HERE = Path(__file__).parent


def checked(*arguments: str) -> str:
    """What promtool says, and whether it was content."""
    done = subprocess.run([monitoring.promtool(), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# Rules.


def test_prometheus_takes_the_rules() -> None:
    checked("check", "rules", *map(str, monitoring.RULES))


@pytest.mark.slow
@pytest.mark.parametrize("file", sorted(HERE.glob("test_monitoring_*.yml")), ids=lambda file: file.stem)
def test_the_rules_fire_when_they_should(file: Path) -> None:
    checked("test", "rules", str(file))


def test_every_alert_is_tried() -> None:
    texts = [file.read_text(encoding="utf-8") for file in HERE.glob("test_monitoring_*.yml")]
    tried = {
        one["alertname"] for text in texts for test in yaml.safe_load(text)["tests"] for one in test["alert_rule_test"]
    }

    found = {alert["alert"] for alert in monitoring.alerts()} - tried
    assert not found, told("Let it fire in tests/deploy/test_monitoring_alerts.yml:", sorted(found))


def test_prometheus_takes_the_configuration(tmp_path: Path) -> None:
    config = (monitoring.FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    ours = tmp_path / "prometheus.yml"
    ours.write_text(config.replace("/etc/prometheus", str(monitoring.FOLDER)), encoding="utf-8")

    checked("check", "config", str(ours))


def test_prometheus_reads_every_process() -> None:
    config = yaml.safe_load((monitoring.FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    read = {(one["labels"]["service"], one["labels"]["role"]): one["targets"] for one in job["static_configs"]}

    roles = {service: ("web", *tasks(service)) for service in SERVICES}
    wanted = {(service, role): [f"{service}-{role}:9000"] for service in SERVICES for role in roles[service]}
    assert read == {(GATEWAY, "gateway"): ["gateway:9000"], **wanted}


def test_the_operators_object_has_the_same_rules() -> None:
    text = monitoring.OBJECT.read_text(encoding="utf-8")

    assert text == monitoring.rule_object(), "Run `python -m tests.deploy.monitoring` and commit."


# Alerts.


@pytest.mark.parametrize("alert", monitoring.alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_who_is_to_get_up_and_leads_to_its_page(alert: dict[str, Any]) -> None:
    page = RUNBOOK.fullmatch(alert["annotations"]["runbook_url"])

    assert alert["labels"]["severity"] in ("page", "ticket")
    assert page
    text = (monitoring.RUNBOOKS / page[1]).read_text(encoding="utf-8")
    assert alert["alert"] in text.splitlines()[0]
    assert [part for part in PARTS if part not in text] == []
    assert page[1] in (monitoring.RUNBOOKS / "README.md").read_text(encoding="utf-8")


def test_every_page_belongs_to_an_alert() -> None:
    named = {alert["annotations"]["runbook_url"].rpartition("/")[2] for alert in monitoring.alerts()}

    assert {file.name for file in monitoring.RUNBOOKS.glob("*.md")} == named | {"README.md"}


def test_pages_name_commands_that_there_are() -> None:
    text = "\n".join(file.read_text(encoding="utf-8") for file in monitoring.RUNBOOKS.glob("*.md"))

    assert set(re.findall(r"\./tsunagu ([a-z-]+)", text)) <= set(tsunagu.commands)
    assert set(re.findall(r"python -m chassis ([a-z]+)", text)) <= set(SERVICES)


# Expressions and dashboards.


@pytest.mark.parametrize("expression", monitoring.expressions(), ids=lambda one: one.place)
def test_an_expression_can_be_read_and_asks_for_something(expression: monitoring.Expression) -> None:
    names = [selector.name for selector in expression.selectors]

    assert names or expression.text.startswith("vector("), expression.text
    assert all(names)


@pytest.mark.parametrize("name", monitoring.dashboards())
def test_a_dashboard_can_be_shown_anywhere(name: str) -> None:
    board = monitoring.dashboards()[name]
    panels = [panel for panel in board["panels"] if panel["type"] != "row"]

    assert board["uid"] == f"tsunagu-{name.removesuffix('.json')}"
    assert board["title"].startswith("Tsunagu: ")
    assert [one["name"] for one in board["templating"]["list"] if one["type"] == "datasource"] == ["datasource"]
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == {"${datasource}"}
    assert {panel["fieldConfig"]["defaults"]["unit"] for panel in panels} <= UNITS
    assert all(panel["title"] and panel["description"] for panel in panels)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.parametrize("name", monitoring.dashboards())
def test_no_panel_lies_on_another(name: str) -> None:
    places = [panel["gridPos"] for panel in monitoring.dashboards()[name]["panels"]]
    cells = [
        (place["x"] + dx, place["y"] + dy) for place in places for dx in range(place["w"]) for dy in range(place["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_grafana_and_kustomize_are_given_every_dashboard() -> None:
    text = (monitoring.FOLDER / "kustomization.yaml").read_text(encoding="utf-8")

    (made,) = yaml.safe_load(text)["configMapGenerator"]
    assert sorted(made["files"]) == sorted(f"dashboards/{name}" for name in monitoring.dashboards())


def test_what_is_asked_of_a_recorded_metric_is_recorded() -> None:
    asked = {selector.name or "" for one in monitoring.expressions() for selector in one.selectors}

    assert {name for name in asked if ":" in name} <= monitoring.recorded()
