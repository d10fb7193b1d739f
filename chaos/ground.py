"""The stack that harm is done to, as its users and its operators see it."""

import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from pymongo import MongoClient
from pymongo.database import Database

from devstack import seed, services
from devstack.client import Answer, Client
from devstack.services import GATEWAY
from devstack.stack import Stack
from devstack.trouble import Trouble

API = "/api/v1"
# Ours believe it about where visitors come from, so that they do not share one's limits; a line that flaps is called
# still after so many seconds.
EXTRA: Mapping[str, Mapping[str, str]] = {
    GATEWAY: {"TRUSTED_PROXIES": "127.0.0.1"},
    "linewatch-web": {"FLAPPING_STABLE": "10"},
}
ENOUGH = 10_000
# Where faults are run again on a stack, they meet the lines of last time.
_numbers = itertools.count(random.randrange(20_000_000, 90_000_000, 10_000))


class Broken(Exception):
    """A promise was not kept; says which and how."""


class Skipped(Exception):
    """This fault cannot be made on this machine; says why."""


@dataclass(frozen=True)
class Ground:
    """A running stack with API keys. Whoever harms it puts it right again."""

    stack: Stack
    keys: Mapping[str, str]

    @cached_property
    def operator(self) -> Client:
        return Client(self.stack.gateway_url, self.keys[seed.OPERATOR])

    @cached_property
    def monitor(self) -> Client:
        return Client(self.stack.gateway_url, self.keys[seed.LINE_EVENTS])

    @cached_property
    def switch(self) -> Client:
        return Client(self.stack.gateway_url, self.keys[seed.CALLS])

    @cached_property
    def _mail(self) -> Client:
        return Client(self.stack.mail_url or "")

    @cached_property
    def mongo(self) -> MongoClient[dict[str, Any]]:
        return MongoClient(self.stack.mongo_url, tz_aware=True)

    @property
    def kafka_servers(self) -> list[str]:
        return self.stack.kafka_servers.split(",")

    def database(self, service: str) -> Database[dict[str, Any]]:
        return self.mongo[service]

    def put(self, path: str, body: object) -> Answer:
        """As operator, whatever is there now."""
        headers = {"If-Match": "*", "Content-Type": "application/json"}
        return self.operator.send("PUT", API + path, json.dumps(body).encode(), headers)

    def mails(self, to: str = "") -> list[dict[str, Any]]:
        """What has arrived, newest first; of one address where one is given."""
        found: list[dict[str, Any]] = self._mail.get(f"/api/messages?limit={ENOUGH}{f'&to={to}' if to else ''}").body
        return found

    def command(self, service: str, *arguments: str) -> str:
        """What a command of a service printed. Broken when it failed."""
        done = self.stack.command(service, *arguments)
        if done.returncode:
            raise Broken(f"{service} {' '.join(arguments)}: {(done.stderr or done.stdout).strip()[-300:]}")
        return done.stdout

    def family(self, name: str) -> list[psutil.Process]:
        """A process of the stack and its children."""
        first = psutil.Process(self.stack.pid(name))
        return [first, *first.children(recursive=True)]

    def threads(self, *names: str) -> int:
        return sum(one.num_threads() for name in names for one in self.family(name))

    def processes(self) -> list[str]:
        """Those of ours, in the order in which a deploy would start them anew."""
        webs = [services.web(one) for one in services.SERVICES]
        workers = [services.worker(one, task) for one in services.SERVICES for task in services.tasks(one)]
        return [*webs, GATEWAY, *workers]


def taken(answer: Answer, *statuses: int) -> Answer:
    """The answer, when its status is one of these; else Broken."""
    if answer.status not in statuses:
        raise Broken(f"an answer of {answer.status} {answer.code} where {statuses} was promised")
    return answer


def promised(holds: object, what: str) -> None:
    """Broken with `what` unless it holds."""
    if not holds:
        raise Broken(what)


def fresh_numbers(count: int) -> list[str]:
    """Contract numbers that nobody has."""
    return [f"04{number}" for number in itertools.islice(_numbers, count)]


@contextmanager
def opened(folder: Path, say: Callable[[str], None]) -> Iterator[Ground]:
    """A fresh stack under `folder`."""
    with Stack(folder, say=say, extra=EXTRA) as stack:
        if not stack.mail_url:
            raise Trouble("The faults read the mails of the mail sink: unset SMTP_URL and try again.")
        keys = seed.ensure_keys(stack.places, stack.addresses, stack.gateway_url, stack.mail_url)
        ground = Ground(stack, keys)
        try:
            yield ground
        finally:
            ground.mongo.close()


def in_parts(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[first : first + size] for first in range(0, len(items), size)]
