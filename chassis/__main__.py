"""`python -m chassis SERVICE worker`, and the other commands of a service."""

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from chassis.errors import TsunaguError
from chassis.kafka import make_topics
from chassis.runtime import Service, WorkerSettings, run_aside, run_prepare, run_worker
from chassis.settings import SettingsError, read, variable


@dataclass(frozen=True)
class PrepareSettings:
    """What `prepare` takes from its environment beside the service's settings."""

    kafka_servers: tuple[str, ...] = variable("Kafka's bootstrap servers, host:port, separated by commas.")


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 done, 1 failed, 2 not understood."""
    if len(arguments) < 2:
        return _fail("usage: python -m chassis SERVICE worker | prepare | rebuild VIEW | replay | COMMAND...", 2)
    name, command, *rest = arguments
    try:
        bootstrap = importlib.import_module(f"services.{name}.bootstrap")
        service: Service = bootstrap.service()
        if command == "worker":
            return run_worker(service, read(WorkerSettings))
        if command == "prepare":
            servers = read(PrepareSettings).kafka_servers
            return run_prepare(service, lambda: make_topics(servers, (name, *bootstrap.HEARD)))
        if command == "aside" and service.aside:
            return run_aside(service, read(WorkerSettings))
        known = service.commands
        if command not in known:
            return _fail(
                f"{name} knows: {', '.join(['worker', 'prepare', *(['aside'] if service.aside else []), *known])}", 2
            )
        return known[command](rest)
    except (SettingsError, TsunaguError) as problem:
        return _fail(str(problem), 1)
    except ModuleNotFoundError as missing:
        if missing.name not in (f"services.{name}", f"services.{name}.bootstrap"):
            raise
        return _fail(f"There is no service {name}.", 2)


def _fail(sentence: str, status: int) -> int:
    sys.stderr.write(sentence + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
