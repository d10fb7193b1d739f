"""Which module may import which."""

from tests.house.repository import Repository, Source

# Who may use whom, by top-level folder. Tests of a package may also use `tests` helpers of their own and devstack.
ALLOWED = {
    "contracts": {"contracts"},
    "chassis": {"chassis"},
    "services": {"services", "chassis", "contracts"},
    "gateway": {"gateway", "chassis", "contracts"},
    "devstack": {"devstack", "chassis", "contracts", "bench", "sim", "chaos"},
    "bench": {"bench", "chassis", "contracts", "devstack", "services"},
    "sim": {"sim", "services", "chassis", "contracts"},
    "chaos": {"chaos", "chassis", "contracts", "devstack"},
}
MODEL_MAY_USE = ("contracts", "chassis.decider", "chassis.errors")
# What a rule may need of the standard library. No clock, ids, chance, environment, logging or input and output.
PURE = frozenset(
    {"collections", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "hashlib", "itertools"}
    | {"math", "operator", "re", "string", "textwrap", "types", "typing", "unicodedata"}
)
CLOCKS = ("now", "utcnow", "today")
# A service talks to others over Kafka, and to Kafka and MongoDB through the chassis.
NOT_IN_SERVICES = ("kafka", "requests", "urllib3", "httpx", "http.client", "urllib.request", "aiohttp", "socket")


def wrong_ways(repository: Repository) -> list[str]:
    """Imports of one of our packages by another that may not use it."""
    return [
        f"{source.path}:{line} imports {name}"
        for source in repository.under(*ALLOWED)
        for name, line in source.imports
        if _package(name) in ALLOWED and _package(name) not in ALLOWED[_package(source.module)]
    ]


def between_services(repository: Repository) -> list[str]:
    """Imports of one service by another, in tests too."""
    return [
        f"{source.path}:{line} imports {name}"
        for source in repository.under("services", tests=True)
        for name, line in source.imports
        if _package(name) == "services" and name.split(".")[1] != source.module.split(".")[1]
    ]


def impure_models(repository: Repository) -> list[str]:
    """What a model imports or asks that is not given to it."""
    return [f"{source.path}:{line} {what}" for source in models(repository) for line, what in _impure(source)]


def models(repository: Repository) -> list[Source]:
    """`model.py`, or the modules of `model/`, of each service."""
    parts = [(source, source.path.split("/")[2:]) for source in repository.under("services")]
    return [source for source, inside in parts if inside and inside[0] in ("model", "model.py")]


def _impure(source: Source) -> list[tuple[int, str]]:
    own = ".".join(source.module.split(".")[:3])
    imported = [(line, f"imports {name}") for name, line in source.imports if not _is_pure(name, own)]
    asked = [
        (number, f"asks the clock: {text.strip()}")
        for number, text in enumerate(source.text.splitlines(), 1)
        if any(f".{clock}(" in text for clock in CLOCKS)
    ]
    return imported + asked


def _is_pure(name: str, own: str) -> bool:
    inside = any(name == allowed or name.startswith(f"{allowed}.") for allowed in (*MODEL_MAY_USE, own))
    return inside or _package(name) in PURE


def private_ways_out(repository: Repository) -> list[str]:
    """Clients of other processes in services, and the database's driver outside of `adapters.py`."""
    return [
        f"{source.path}:{line} imports {name}"
        for source in repository.under("services")
        for name, line in source.imports
        if _is_one_of(name, NOT_IN_SERVICES)
        or (_is_one_of(name, ("pymongo", "bson")) and not source.path.endswith("/adapters.py"))
    ]


def _is_one_of(name: str, modules: tuple[str, ...]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _package(name: str) -> str:
    return name.split(".", maxsplit=1)[0]
