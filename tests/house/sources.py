"""What may stand in a source file, and how."""

import ast
import re
from collections.abc import Iterator

from tests.house.imports import models
from tests.house.repository import Repository, Source

OURS = ("contracts", "chassis", "services", "gateway", "devstack", "bench", "sim", "chaos")
BAD_NAMES = re.compile(r"(^|_)(utils?|helpers?|commons?|managers?|base)(_|$)")
MUTABLE_CALLS = frozenset({"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"})
MUTATORS = frozenset(
    {"append", "appendleft", "add", "clear", "discard", "extend", "insert", "pop", "popitem", "popleft"}
    | {"remove", "setdefault", "sort", "update"}
)


def environment_readers(repository: Repository) -> list[str]:
    """Reads of the process environment outside of chassis/settings.py; devstack starts processes and may."""
    return [
        f"{source.path}:{node.lineno}"
        for source in repository.under("contracts", "chassis", "services", "gateway")
        if source.path != "chassis/settings.py"
        for node in ast.walk(source.tree)
        if (
            isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv") and _is(node.value, "os")
        )
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and "environ" in _names(node))
    ]


def _is(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _names(node: ast.ImportFrom) -> list[str]:
    return [alias.name for alias in node.names]


def badly_named(repository: Repository) -> list[str]:
    """Modules and packages whose name says nothing."""
    return [
        source.path
        for source in repository.sources
        if any(BAD_NAMES.search(part) for part in source.path.removesuffix(".py").split("/"))
    ]


def future_annotations(repository: Repository) -> list[str]:
    return [
        f"{source.path}:{line}"
        for source in repository.sources
        for name, line in source.imports
        if name == "__future__.annotations"
    ]


def silent_modules(repository: Repository) -> list[str]:
    """Modules with code and without a docstring."""
    return [
        source.path for source in repository.under(*OURS) if source.tree.body and not ast.get_docstring(source.tree)
    ]


def sleeping_tests(repository: Repository) -> list[str]:
    """Sleeps in tests and in what they share. Programs that a test starts as processes may do as programs do."""
    return [
        f"{source.path}:{node.lineno}"
        for source in repository.sources
        if source.is_test and not _is_program(source)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and _called(node) == "sleep"
    ]


def _is_program(source: Source) -> bool:
    """Whether it does something when it is run by its own name."""
    return any(isinstance(node, ast.If) and "__name__" in ast.unparse(node.test) for node in source.tree.body)


def _called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def open_matches(repository: Repository) -> list[str]:
    """`match` over a command or an event in a model whose last case is not `case _: assert_never(...)`."""
    return [
        f"{source.path}:{match.lineno} in {function.name}"
        for source in models(repository)
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef)
        for match in ast.walk(function)
        if isinstance(match, ast.Match) and _matches_a_union(function, match) and not _is_closed(match)
    ]


def _matches_a_union(function: ast.FunctionDef, match: ast.Match) -> bool:
    """Whether the subject is an argument that is annotated as the model's `Event` or `Command`."""
    unions = {
        argument.arg
        for argument in function.args.args
        if isinstance(argument.annotation, ast.Name) and argument.annotation.id in ("Event", "Command")
    }
    return isinstance(match.subject, ast.Name) and match.subject.id in unions


def _is_closed(match: ast.Match) -> bool:
    last = match.cases[-1]
    everything = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
    match last.body:
        case [ast.Expr(value=ast.Call() as call)]:
            return everything and _called(call) == "assert_never"
    return False


def unmatched_deciders(repository: Repository) -> list[str]:
    """`decide` and `evolve` of a model whose argument is not annotated `Command` or `Event`, or that match nothing."""
    wanted = {"decide": "Command", "evolve": "Event"}
    return [
        f"{source.path}:{function.lineno} {function.name}"
        for source in models(repository)
        for function in source.tree.body
        if isinstance(function, ast.FunctionDef) and function.name in wanted
        if not any(isinstance(match, ast.Match) and _matches_a_union(function, match) for match in ast.walk(function))
    ]


def mutable_globals(repository: Repository) -> list[str]:
    """Module-level containers that are filled later: empty ones, `global`, and any change of a module's own name."""
    return [
        f"{source.path}:{line} {what}"
        for source in repository.under(*OURS)
        for line, what in sorted({*_containers(source), *_changes(source)})
    ]


def _containers(source: Source) -> Iterator[tuple[int, str]]:
    for name, value in _module_names(source).items():
        call = _called(value) if isinstance(value, ast.Call) else ""
        if _is_empty(value) or (call in MUTABLE_CALLS and not _is_metric(source, call)):
            yield value.lineno, f"{name} is made to be filled later"


def _is_empty(value: ast.expr) -> bool:
    match value:
        case ast.List(elts=[]) | ast.Dict(keys=[]):
            return True
    return False


def _is_metric(source: Source, call: str) -> bool:
    """prometheus_client's objects are its own registry's; they belong to the chassis."""
    imported = any(name == f"prometheus_client.{call}" for name, _ in source.imports)
    return imported and source.path.startswith("chassis/")


def _module_names(source: Source) -> dict[str, ast.expr]:
    found: dict[str, ast.expr] = {}
    for node in source.tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                found[name] = value
    return found


def _changes(source: Source) -> Iterator[tuple[int, str]]:
    held = {
        name
        for name, value in _module_names(source).items()
        if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)
    }
    for node in ast.walk(source.tree):
        match node:
            case ast.Global(names=names):
                yield node.lineno, f"global {', '.join(names)}"
            case ast.AugAssign(target=ast.Name(id=name)) if name in held:
                yield node.lineno, f"{name} is changed in place"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if name in held:
                if method in MUTATORS:
                    yield node.lineno, f"{name}.{method}() changes it"
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()) if name in held:
                yield node.lineno, f"an item of {name} is changed"


def metrics_elsewhere(repository: Repository) -> list[str]:
    """prometheus_client's objects outside of the chassis."""
    return [
        f"{source.path}:{line} {name}"
        for source in repository.under("contracts", "services", "gateway")
        for name, line in source.imports
        if name.startswith("prometheus_client")
    ]
