"""Every object is what Kubernetes, or the operator that reads it, understands: no unknown field, no wrong type."""

import json
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest

from tests.deploy.manifests import Object, Overlay, named
from tests.house.repository import told

SCHEMAS = Path(__file__).parent / "schemas"
# The oldest version that is to take them, and the newest that is known.
VERSIONS = ("1.33", "1.37")


@pytest.mark.slow
def test_every_object_fits_its_schema(overlay: Overlay) -> None:
    found = [problem for one in overlay.objects for problem in _problems(one)]

    assert not found, told("Mend the manifest:", found)


def test_no_object_is_there_twice(overlay: Overlay) -> None:
    names = [named(one) for one in overlay.objects]

    assert sorted(names) == sorted(set(names))


def _problems(one: Object) -> list[str]:
    own = SCHEMAS / f"{one['kind'].lower()}.json"
    if own.exists():
        checker = jsonschema.Draft202012Validator(json.loads(own.read_text(encoding="utf-8")))
        return [f"{named(one)}: {error.json_path} {error.message}" for error in checker.iter_errors(one)]
    return [line for version in VERSIONS for line in _problems_with(one, version)]


def _problems_with(one: Object, version: str) -> list[str]:
    try:
        kubernetes_validate.validate(one, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"{named(one)} ({version}): {error.json_path} {error.message}"]
    return []
