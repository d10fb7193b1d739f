"""Every library that is installed is used."""

import re
import tomllib
from importlib.metadata import packages_distributions

from tests.house.repository import REPOSITORY, told

# Tools that nobody imports, and what another library looks for by itself.
TOOLS = frozenset({"import-linter", "pytest-xdist", "ruff", "mypy", "crc32c", "uv"})


def test_every_library_of_a_group_is_named_in_a_source() -> None:
    words = {word for source in REPOSITORY.sources for word in re.findall(r"\w+", source.text)}
    modules = {
        name: {module for module, makers in packages_distributions().items() if name in map(_plain, makers)}
        for name in _libraries()
    }

    found = [name for name, its_modules in modules.items() if its_modules.isdisjoint(words)]

    assert not found, told("Take these out of pyproject.toml and compile the lock (docs/adding-a-service.md):", found)


def _libraries() -> list[str]:
    groups = tomllib.loads(REPOSITORY.text("pyproject.toml"))["dependency-groups"].values()
    named = {_plain(entry) for group in groups for entry in group if isinstance(entry, str)}
    return sorted(name for name in named - TOOLS if not name.startswith("types-"))


def _plain(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")
