"""What `docs/attacks.md` says of each attack, and which attacks the tests say they try."""

import ast
import re
from collections import defaultdict

from tests.house.repository import Repository, Source

PAGE, FOLDER, COUNT = "docs/attacks.md", "tests/e2e/attacks/", 62
ROW = re.compile(r"^\| (\d+) \| [^|]+ \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`([\w./-]+\.py):(\w+)`")
EXCUSE = re.compile(r"[Dd]o(es)? not apply\b.*: ")


def rows(repository: Repository) -> list[tuple[int, str]]:
    """Number of each row of the page, and what it names."""
    return [(int(row[1]), row[2]) for row in ROW.finditer(repository.text(PAGE))]


def odd_rows(repository: Repository) -> list[str]:
    """Numbers that are not there exactly once, and rows that neither name a test nor say why there is none."""
    numbers = [number for number, _ in rows(repository)]
    missing = [
        f"{number}: {numbers.count(number)} rows" for number in range(1, COUNT + 1) if numbers.count(number) != 1
    ]
    return missing + [
        f"{n}: no test and no reason"
        for n, text in rows(repository)
        if not TEST.search(text) and not EXCUSE.search(text)
    ]


def unknown_tests(repository: Repository) -> list[str]:
    """Tests that the page names and that are not there."""
    return [
        f"{number}: {path}:{test}"
        for number, text in rows(repository)
        for path, test in TEST.findall(text)
        if f"def {test}(" not in repository.text(path)
    ]


def unlike(repository: Repository) -> list[str]:
    """Tests of the folder that are marked with other attacks than those at which the page has them."""
    told: dict[str, set[int]] = defaultdict(set)
    for number, text in rows(repository):
        for path, test in TEST.findall(text):
            if path.startswith(FOLDER):
                told[f"{path}:{test}"].add(number)
    marked = {name: numbers for source in repository.sources for name, numbers in _marks(source).items()}
    return [
        f"{name}: marked {sorted(marked.get(name, ()))}, on the page {sorted(told.get(name, ()))}"
        for name in sorted(told.keys() | marked.keys())
        if told.get(name, set()) != marked.get(name, set())
    ]


def _marks(source: Source) -> dict[str, set[int]]:
    if not source.path.startswith(FOLDER):
        return {}
    everywhere = {number for node in source.tree.body if _assigns_marks(node) for number in _numbers(node)}
    return {
        f"{source.path}:{node.name}": everywhere | {number for mark in node.decorator_list for number in _numbers(mark)}
        for node in source.tree.body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def _assigns_marks(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "pytestmark" for target in node.targets)


def _numbers(node: ast.AST) -> set[int]:
    """Those of `pytest.mark.attack(...)` in it."""
    return {
        int(ast.unparse(argument))
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.attack"
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }
