"""What a service consists of, and where else it is named."""

import ast
import re
import tomllib

from tests.house.repository import Repository

# The standard modules (docs/adding-a-service.md). A missing one means that the service has no such thing.
NEEDED = ("__init__.py", "api.py", "bootstrap.py", "schemas.py", "settings.py", "README.md", "tests")
ALLOWED = frozenset({*NEEDED, "views.py", "reactions.py", "adapters.py", "tasks.py", "commands.py"})
MODEL = frozenset({"model.py", "model"})
FLOWS = frozenset({"flows.py", "flows"})
FORMATS = frozenset({"formats.py", "formats"})
NEEDED_TESTS = ("test_model.py", "test_api.py", "examples.py")


def odd_parts(repository: Repository) -> list[str]:
    """What is missing in a service's folder and what has no place there."""
    return [line for service in repository.services for line in _odd_parts(repository, service)]


def _odd_parts(repository: Repository, service: str) -> list[str]:
    folder = f"services/{service}/"
    parts = {name.removeprefix(folder).split("/")[0] for name in repository.files if name.startswith(folder)}
    missing = [f"{folder}{name} is missing" for name in NEEDED if name not in parts]
    if len(parts & FLOWS) > 1:
        missing.append(f"{folder}flows.py or flows/, not both")
    if len(parts & FORMATS) > 1:
        missing.append(f"{folder}formats.py or formats/, not both")
    if len(parts & MODEL) != 1:
        missing.append(f"{folder}model.py (or model/, not both) is missing")
    known = ALLOWED | MODEL | FLOWS | FORMATS
    return missing + [f"{folder}{name} is no standard module" for name in sorted(parts - known)]


def missing_tests(repository: Repository) -> list[str]:
    """Tests that every service has, and those of its views and reactions where it has such modules."""
    return [
        f"services/{service}/tests/{name} is missing"
        for service in repository.services
        for name in _wanted_tests(repository, service)
        if not _has_test(repository, service, name)
    ]


def _wanted_tests(repository: Repository, service: str) -> list[str]:
    modules = [name for name in ("views", "reactions") if repository.text(f"services/{service}/{name}.py")]
    return [*NEEDED_TESTS, *(f"test_{module}.py" for module in modules)]


def _has_test(repository: Repository, service: str, name: str) -> bool:
    """A folder model/ may have a test file for each of its modules: `test_model_keyring.py`, `test_keyring.py`."""
    folder = f"services/{service}/tests"
    parts = {"test_model.py": [path for path in repository.files if path.startswith(f"services/{service}/model/")]}
    spelled = [f"test_{path.rpartition('/')[2]}" for path in parts.get(name, ())]
    names = {path.removeprefix(f"{folder}/") for path in repository.files if path.startswith(f"{folder}/")}
    stem = name.removesuffix(".py")
    return name in names or any(one.startswith(f"{stem}_") for one in names) or not names.isdisjoint(spelled)


def unnamed(repository: Repository) -> list[str]:
    """Every place that has to know of a service and does not; one finding a place, beginning with its path."""
    return [line for service in repository.services for line in _unnamed(repository, service)]


def _unnamed(repository: Repository, service: str) -> list[str]:
    places = {
        "pyproject.toml: [dependency-groups] has no group": service in _groups(repository),
        "pyproject.toml: the group `all` leaves out": service in _whole_group(repository),
        "devstack/services.py: SERVICES leaves out": service
        in _constant(repository, "devstack/services.py", "SERVICES"),
        "gateway/routes.py: ROUTES has no line of": service in _constant(repository, "gateway/routes.py", "ROUTES"),
        "gateway/settings.py: there is no URL of": f"{service}_url:" in repository.text("gateway/settings.py"),
        "docker-compose.yml: there are no containers of": all(
            f"\n  {service}-{part}:\n" in repository.text("docker-compose.yml") for part in ("prepare", "web", "worker")
        ),
        "README.md: the table of folders leaves out": f"services/{service}/" in repository.text("README.md"),
        "CHANGELOG.md: no line tells of": _tells_of(repository.text("CHANGELOG.md"), service),
        "docs/glossary.md: no line tells of": _tells_of(repository.text("docs/glossary.md"), service),
        "tests/e2e/: no story names": any(
            _tells_of(text, service) for name, text in repository.texts.items() if name.startswith("tests/e2e/")
        ),
    }
    return [f"{place} {service}" for place, is_there in places.items() if not is_there]


def _tells_of(text: str, word: str) -> bool:
    return re.search(rf"\b{re.escape(word)}\b", text) is not None


def _groups(repository: Repository) -> dict[str, list[object]]:
    project = tomllib.loads(repository.text("pyproject.toml"))
    groups: dict[str, list[object]] = project.get("dependency-groups", {})
    return groups


def _whole_group(repository: Repository) -> set[str]:
    return {str(part["include-group"]) for part in _groups(repository).get("all", ()) if isinstance(part, dict)}


def _constant(repository: Repository, path: str, name: str) -> set[str]:
    """The texts of a module-level tuple, or the keys of a module-level dict."""
    for node in ast.parse(repository.text(path)).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=found)], value=value)
                | ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value)
            ) if found == name:
                parts = value.keys if isinstance(value, ast.Dict) else getattr(value, "elts", [])
                return {str(part.value) for part in parts if isinstance(part, ast.Constant)}
    return set()
