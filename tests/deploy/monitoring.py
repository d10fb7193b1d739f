"""What deploy/monitoring consists of: rules, alerts, dashboards, and every expression in them.

`python -m tests.deploy.monitoring` writes the rules once more as the object that the Prometheus operator wants.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from tests.house.repository import ROOT

FOLDER = ROOT / "deploy" / "monitoring"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES = sorted((FOLDER / "rules").glob("*.yml"))
DASHBOARDS = sorted((FOLDER / "dashboards").glob("*.json"))
OBJECT = FOLDER / "prometheus-rule.yaml"
# What a dashboard's variables stand for; the service is any.
VARIABLES = {"$__rate_interval": "5m", "$service": "linewatch"}
# What Prometheus itself adds.
OF_PROMETHEUS = frozenset({"up"})
LABELS_OF_TARGETS = frozenset({"service", "role", "job", "instance"})


@dataclass(frozen=True)
class Expression:
    """One expression, with where it stands."""

    place: str
    text: str

    @property
    def selectors(self) -> Iterator[promql_parser.VectorSelector]:
        """Every metric that it asks for. Raises ValueError when it is no PromQL."""
        found: list[promql_parser.VectorSelector] = []

        def note(node: promql_parser.Expr) -> bool:
            if isinstance(node, promql_parser.VectorSelector):
                found.append(node)
            return True

        promql_parser.walk(promql_parser.parse(self.text), note)
        return iter(found)


def groups() -> list[dict[str, Any]]:
    return [group for file in RULES for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]


def alerts() -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"] if "alert" in rule]


def recorded() -> frozenset[str]:
    """The names that recording rules give."""
    return frozenset(rule["record"] for group in groups() for rule in group["rules"] if "record" in rule)


def dashboards() -> Mapping[str, dict[str, Any]]:
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in DASHBOARDS}


def expressions() -> list[Expression]:
    rules = [
        Expression(rule.get("alert") or rule["record"], rule["expr"]) for group in groups() for rule in group["rules"]
    ]
    return rules + [
        Expression(f"{name}: {panel['title']}", _filled(target["expr"]))
        for name, board in dashboards().items()
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]


def _filled(text: str) -> str:
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    return text


def rule_object() -> str:
    """All rules as one PrometheusRule."""
    metadata = {"name": "tsunagu", "labels": {"app.kubernetes.io/component": "monitoring"}}
    whole = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": {"groups": groups()},
    }
    head = "# Made from deploy/monitoring/rules by `python -m tests.deploy.monitoring`.\n"
    return head + yaml.safe_dump(whole, sort_keys=False, width=1000, allow_unicode=True)


@cache
def promtool() -> str:
    """Prometheus' own checker; where it is not installed, that of Debian's package, which is not installed for it."""
    ours = ROOT / ".tsunagu" / "promtool"
    found = shutil.which("promtool") or (str(ours) if ours.exists() else "")
    return found or _unpacked(ours)


def _unpacked(ours: Path) -> str:
    folder = ours.with_suffix(".deb")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _run(folder, "apt-get", "download", "-q", "prometheus")
        _run(folder, "dpkg", "-x", str(next(folder.glob("*.deb"))), "unpacked")
        (folder / "unpacked" / "usr" / "bin" / "promtool").replace(ours)
    except (OSError, subprocess.SubprocessError, StopIteration):
        pytest.skip("promtool is not installed, and Debian's package prometheus is not to be had")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return str(ours)


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=True)


if __name__ == "__main__":
    OBJECT.write_text(rule_object(), encoding="utf-8")
