"""A service that is only half there is noticed, and the page about adding one names every place."""

import re
import shutil
from pathlib import Path

import pytest

from tests.house import layout
from tests.house.repository import REPOSITORY, Repository

NEW = "newcomer"
PAGE = "docs/adding-a-service.md"


@pytest.fixture
def half_there(tmp_path: Path) -> Repository:
    """This repository with a further service that nobody knows of yet."""
    for name in REPOSITORY.files:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY.root / name, target)
    package = tmp_path / "services" / NEW / "__init__.py"
    package.parent.mkdir()
    package.write_text('"""Numbers that may not call."""\n')
    return Repository(tmp_path)


def test_every_place_that_does_not_know_a_new_service_is_named(half_there: Repository) -> None:
    places = {line.split(":")[0] for line in layout.unnamed(half_there) if line.endswith(f" {NEW}")}

    assert places == _places_of_the_page()


def test_every_part_that_a_new_service_lacks_is_named(half_there: Repository) -> None:
    parts = {line.split(" ")[0] for line in layout.odd_parts(half_there) if f"/{NEW}/" in line}

    assert parts == {f"services/{NEW}/{name}" for name in (*layout.NEEDED, "model.py") if name != "__init__.py"}


def test_the_page_has_every_standard_module() -> None:
    page = REPOSITORY.text(PAGE)

    missing = [name for name in sorted(layout.ALLOWED | layout.MODEL) if f"`{name.removesuffix('/')}" not in page]

    assert not missing, f"Describe these in the table of {PAGE}: {missing}"


def _places_of_the_page() -> set[str]:
    """The places marked in the page as watched over: table rows `| [watched] | `path` | ...`."""
    rows = re.findall(r"^\| watched \| `([^`]+)`", REPOSITORY.text(PAGE), re.MULTILINE)
    return set(rows)
