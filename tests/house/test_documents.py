"""The documents say what the code says."""

import re
import tomllib
from pathlib import Path

from chassis.edge import VERSION
from contracts.document import documents
from tests.house.repository import REPOSITORY, ROOT, told

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAMED_FILE = re.compile(
    r"`((?:contracts|chassis|services|gateway|devstack|bench|chaos|tests|docs|deploy)/[\w./-]+\.\w+)(?::[\w.]+)?`"
)
NAMED_FUNCTION = re.compile(r"`((?:contracts|chassis|services|gateway|devstack|bench|chaos)/[\w./-]+\.py):([\w.]+)`")


def test_generated_documents_are_fresh() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for path, text in documents().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]

    assert not found, told("Run `./tsunagu docs` and commit:", found)


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads(REPOSITORY.text("pyproject.toml"))["project"]

    assert project["version"] == VERSION, "Make version in pyproject.toml and VERSION in chassis/edge.py the same."
    assert f"## {VERSION}" in REPOSITORY.text("CHANGELOG.md"), f"Begin a section `## {VERSION}` in CHANGELOG.md."


def test_links_in_documents_lead_somewhere() -> None:
    found = [
        f"{name}: {target}"
        for name, text in _documents().items()
        for target in LINK.findall(text)
        if not target.startswith(("http", "#", "mailto:")) and not _exists(Path(name).parent / target.split("#")[0])
    ]

    assert not found, told("Mend the link:", found)


def test_files_named_in_documents_exist() -> None:
    found = [
        f"{name}: {path}"
        for name, text in _documents().items()
        for path in NAMED_FILE.findall(text)
        if not _exists(Path(path)) and "callblock" not in path
    ]

    assert not found, told("The document names a file that is not there:", found)


def test_functions_named_in_documents_exist() -> None:
    found = [
        f"{name}: {path}:{function}"
        for name, text in _documents().items()
        for path, function in NAMED_FUNCTION.findall(text)
        if not re.search(rf"\b(def|class) {function.rpartition('.')[2]}\b", REPOSITORY.text(path))
    ]

    assert not found, told("The document names a function that is not there:", found)


def test_every_decision_has_context_measurement_and_consequences() -> None:
    wanted = ("## Context", "## Decision", "## Measured or observed", "## Consequences")
    pages = {name: text for name, text in REPOSITORY.texts.items() if re.fullmatch(r"docs/adr/\d{4}-.*\.md", name)}

    found = [f"{name}: {part}" for name, text in pages.items() for part in wanted if part not in text]

    assert pages
    assert not found, told("A decision's page has these four parts:", found)


def test_decisions_are_numbered_without_a_gap_and_listed() -> None:
    names = sorted(path.rpartition("/")[2] for path in REPOSITORY.texts if re.fullmatch(r"docs/adr/\d{4}-.*\.md", path))

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
    assert not [name for name in names if name not in REPOSITORY.text("docs/adr/README.md")], (
        "List it in docs/adr/README.md"
    )


def _documents() -> dict[str, str]:
    return {name: text for name, text in REPOSITORY.texts.items() if name.endswith(".md")}


def _exists(path: Path) -> bool:
    return (ROOT / path).exists()
