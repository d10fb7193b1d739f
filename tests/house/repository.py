"""The repository as the house rules look at it: files, parsed sources, services. Any folder will do as `root`, so the
rules themselves can be tried on small repositories made for a test."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "chassis", "services", "gateway", "devstack", "bench", "sim", "chaos")
NOT_OURS = frozenset(
    {".git", ".venv", ".tsunagu", ".jgo", "__pycache__"}
    | {".hypothesis", ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
)


@dataclass(frozen=True)
class Source:
    """One Python file. `path` is relative to the repository, with slashes; `module` is dotted."""

    path: str
    text: str

    @property
    def module(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def is_test(self) -> bool:
        return "tests" in self.path.split("/") or self.path.endswith("conftest.py")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def imports(self) -> tuple[tuple[str, int], ...]:
        """Every imported module or name with its line, also those inside functions: `chassis.errors.Rejected`."""
        return tuple(_imports(self.tree))


def _imports(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


@dataclass(frozen=True)
class Repository:
    """What is in the repository: what git has or would take in, or without git all but what is plainly not ours."""

    root: Path = ROOT

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Paths of all files, relative, with slashes."""
        names = self._known_to_git() or self._walked()
        return tuple(sorted(name for name in names if (self.root / name).is_file()))

    def _known_to_git(self) -> list[str]:
        """Empty in a folder that is no clone, and on a machine that has no git."""
        if not (self.root / ".git").exists() or not shutil.which("git"):
            return []
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        known = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        return known.stdout.splitlines() if known.returncode == 0 else []

    def _walked(self) -> list[str]:
        paths = (path.relative_to(self.root) for path in self.root.rglob("*"))
        return [path.as_posix() for path in paths if NOT_OURS.isdisjoint(path.parts)]

    @cached_property
    def texts(self) -> dict[str, str]:
        """Contents of every file that is text."""
        read = {name: (self.root / name).read_bytes() for name in self.files}
        return {name: data.decode("utf-8", "replace") for name, data in read.items() if b"\0" not in data}

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        return tuple(Source(name, text) for name, text in self.texts.items() if name.endswith(".py"))

    @property
    def services(self) -> tuple[str, ...]:
        """Every folder of services/ that is a package."""
        parts = [name.split("/") for name in self.files]
        return tuple(part[1] for part in parts if part[0] == "services" and part[2:] == ["__init__.py"])

    def under(self, *folders: str, tests: bool = False) -> list[Source]:
        """Sources in these folders; their tests only when `tests` says so."""
        inside = [source for source in self.sources if source.path.startswith(tuple(f"{name}/" for name in folders))]
        return [source for source in inside if tests or not source.is_test]

    def text(self, path: str) -> str:
        """The file's content, empty when there is no such file."""
        return self.texts.get(path, "")


# This repository, read once a run.
REPOSITORY = Repository()


def told(advice: str, found: list[str]) -> str:
    """The message of a failed rule: what to do, then where."""
    return "\n".join([advice, *(f"  {line}" for line in found)])
