"""What an overlay consists of, and questions that tests ask of it."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import pytest
import yaml

from tests.house.repository import ROOT

OVERLAYS = ("dev", "prod")
WORKLOADS = ("Deployment", "StatefulSet", "Job")
Object = dict[str, Any]


@dataclass(frozen=True)
class Overlay:
    """All objects of one overlay. Names in findings are `Kind/name`."""

    name: str
    objects: tuple[Object, ...]

    def of(self, *kinds: str) -> list[Object]:
        return [one for one in self.objects if one["kind"] in kinds]

    @cached_property
    def pods(self) -> "tuple[Pod, ...]":
        """The pods that its workloads make."""
        return tuple(Pod(one) for one in self.of(*WORKLOADS))


@dataclass(frozen=True)
class Pod:
    """What a workload's template makes."""

    workload: Object

    @property
    def name(self) -> str:
        return named(self.workload)

    @property
    def spec(self) -> Object:
        return dict(self.workload["spec"]["template"]["spec"])

    @property
    def labels(self) -> Mapping[str, str]:
        return dict(self.workload["spec"]["template"]["metadata"]["labels"])

    @property
    def component(self) -> str:
        return self.labels["app.kubernetes.io/component"]

    @property
    def containers(self) -> list[Object]:
        return [*self.spec["containers"], *self.spec.get("initContainers", ())]

    @property
    def is_ours(self) -> bool:
        """Whether it runs an image of this repository."""
        return any("tsunagu/" in container["image"] for container in self.containers)

    @property
    def is_running(self) -> bool:
        """Whether it is there all the time, unlike a job."""
        return bool(self.workload["kind"] != "Job")


def named(one: Object) -> str:
    return f"{one['kind']}/{one['metadata']['name']}"


def matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector of Kubernetes takes these labels."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expressed(expression, labels) for expression in selector.get("matchExpressions") or ())


def _expressed(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return bool(value in expression["values"])
        case "NotIn":
            return bool(value not in expression["values"])
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    raise ValueError(expression["operator"])


@lru_cache
def built(name: str) -> Overlay:
    """The overlay; the test is skipped where there is no kubectl."""
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed, and it is what builds the overlays")
    folder = ROOT / "deploy" / "k8s" / "overlays" / name
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return Overlay(name, tuple(_objects(done.stdout)))


def _objects(text: str) -> Iterator[Object]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    yield from (one for one in yaml.load_all(text, Loader=loader) if one)
