"""Rejection codes: how they are spelled, and that every code has words."""

import ast
import re
from collections.abc import Iterator, Mapping

from tests.house.repository import Repository, Source

KEBAB = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# Errors whose first argument is their code, and the field errors whose second is; a sentence may follow the code.
ERRORS = frozenset(
    {"Rejected", "NotFound", "Conflict", "Stale", "Forbidden", "Unauthenticated", "BadMessage", "Unavailable"}
    | {"Missing", "NoRoom", "TooLarge", "TooMany", "UnsupportedMedia", "ValidationError"}
)
FIELD_ERRORS = frozenset({"FieldError"})


def codes(source: Source) -> Iterator[tuple[int, str, bool]]:
    """Line, code, and whether a sentence of its own stands beside it, of every code that is written out."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = 0 if node.func.id in ERRORS else 1 if node.func.id in FIELD_ERRORS else None
            if place is not None and len(node.args) > place and isinstance(node.args[place], ast.Constant):
                yield node.lineno, str(ast.literal_eval(node.args[place])), _has_words(node, place)


def _has_words(node: ast.Call, place: int) -> bool:
    """Whether a sentence follows the code. marshmallow's ValidationError has the field's name there."""
    return len(node.args) > place + 1 and isinstance(node.func, ast.Name) and node.func.id != "ValidationError"


def badly_spelled(repository: Repository) -> list[str]:
    return [
        f"{source.path}:{line} {code!r}"
        for source in repository.under("chassis", "services", "gateway")
        for line, code, _ in codes(source)
        if not KEBAB.fullmatch(code)
    ]


def wordless(repository: Repository, shared: Mapping[str, object]) -> list[str]:
    """Codes of services without words in their api's WORDS or in `shared`, the chassis' own."""
    return [
        f"{source.path}:{line} {code!r}"
        for service in repository.services
        for source in repository.under(f"services/{service}")
        for line, code, has_words in codes(source)
        if not has_words and code not in shared and code not in words(repository, service)
    ]


def wordless_in_chassis(repository: Repository, shared: Mapping[str, object]) -> list[str]:
    """Codes that routes of every process may answer with, without words."""
    return [
        f"{source.path}:{line} {code!r}"
        for source in repository.under("chassis", "gateway")
        for line, code, has_words in codes(source)
        if not has_words and code not in shared and code not in NEVER_ANSWERED
    ]


# Codes of workers and shell commands: they are logged, and no caller ever reads them.
NEVER_ANSWERED = frozenset(
    {"kafka-unavailable", "view-being-switched", "rebuild-running", "rebuild-too-slow"}
    | {
        "unknown-event-type",
        "unreadable-event",
        "unreadable-message",
        "empty-message",
        "header-missing",
        "not-its-owner",
    }
)


def words(repository: Repository, service: str) -> set[str]:
    """The codes that a service's WORDS has sentences for."""
    tree = ast.parse(repository.text(f"services/{service}/api.py"))
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="WORDS")], value=ast.Dict(keys=keys)):
                return {str(key.value) for key in keys if isinstance(key, ast.Constant)}
    return set()


def unused_words(repository: Repository) -> list[str]:
    """Words of a service for codes that stand nowhere else in it."""
    return [
        f"services/{service}/api.py {code!r}"
        for service in repository.services
        for code in sorted(words(repository, service))
        if sum(source.text.count(f'"{code}"') for source in repository.under(f"services/{service}")) < 2
    ]
