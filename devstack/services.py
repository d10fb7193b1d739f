"""The table of our processes: which there are, how each is started, and with which environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from devstack.engines import PORT_NAMES as ENGINE_PORTS
from devstack.places import REPOSITORY, Places
from devstack.supervisor import Process

# Each has a web process and a worker. Adding a service is adding its name here (and a line in gateway/routes.py).
SERVICES = ("auth", "ivr", "linewatch", "bulkforward", "voicewarp", "notify", "faxstore")
# Services with tasks that give way to all others, in a process of their own: `python -m chassis <service> aside`.
ASIDE = {"notify": ("aside",), "faxstore": ("aside",)}
GATEWAY, GATEWAY_METRICS, MAIL = "gateway", "gateway-metrics", "mail"
# Logins wait in a thread of the gateway and in one of auth while a password is hashed; the others must not wait behind.
# A fax takes a thread for as long as it arrives and waits for its turn; whoever reads must not wait behind it.
WEB_THREADS = {"auth": 64, "faxstore": 32, GATEWAY: 64}
FEW_WEB_THREADS = 8
# Niced threads leave others the processor, but not its caches; so hashing leaves a core of this machine alone.
HASHING_THREADS = max(1, (os.cpu_count() or 2) - 1)
HASHING_WAITING = 50
MAIL_FROM = "tsunagu@example.jp"
NOC_ADDRESS = "noc@example.jp"


@dataclass(frozen=True)
class Addresses:
    """Where everything of one stack listens. `ports` by process name, the sink's SMTP port as `mail-smtp`."""

    mongo_url: str
    kafka_servers: str
    smtp_url: str
    ports: Mapping[str, int]

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"


def port_names() -> list[str]:
    """Everything of a stack that needs a port of its own."""
    own = [name for service in SERVICES for name in (web(service), *(worker(service, task) for task in tasks(service)))]
    return [*ENGINE_PORTS, MAIL, "mail-smtp", *own, GATEWAY, GATEWAY_METRICS]


def web(service: str) -> str:
    return f"{service}-web"


def worker(service: str, task: str = "worker") -> str:
    return f"{service}-{task}"


def tasks(service: str) -> tuple[str, ...]:
    """What runs of a service beside its web process."""
    return ("worker", *ASIDE.get(service, ()))


def environment(service: str, places: Places, addresses: Addresses) -> dict[str, str]:
    """What every process and every command of a service gets."""
    surroundings = {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}
    common = {
        "MONGO_URL": addresses.mongo_url,
        "KAFKA_SERVERS": addresses.kafka_servers,
        "TOKEN_KEYS": str(places.public_keys),
        "PYTHONUNBUFFERED": "1",
        "MALLOC_ARENA_MAX": "2",  # Two threads' arenas are enough; glibc's default takes 30 MB more for each process.
    }
    hashing = {"HASHING_THREADS": str(HASHING_THREADS), "HASHING_WAITING": str(HASHING_WAITING)}
    pepper = {"PASSWORD_PEPPER": str(places.password_pepper)}
    special = {
        "auth": {"TOKEN_SIGNING_KEY": str(places.signing_key), **hashing, **pepper},
        "ivr": pepper,
        "faxstore": {"SPOOL": str(places.spool)},
        "notify": {
            "SMTP_URL": addresses.smtp_url,
            "MAIL_FROM": MAIL_FROM,
            "NOC_ADDRESS": NOC_ADDRESS,
            "SITE_URL": addresses.url(GATEWAY),
        },
        GATEWAY: {
            **{f"{name.upper()}_URL": addresses.url(web(name)) for name in SERVICES},
            "DEMO_FILE": str(places.demo),
        },
    }
    return {"LOG_LEVEL": "info", **surroundings, **common, **special.get(service, {})}


def mail_process(places: Places, addresses: Addresses) -> Process:
    ports = addresses.ports
    command = (sys.executable, "-m", "devstack.mailsink", str(places.mails), str(ports["mail-smtp"]), str(ports[MAIL]))
    return Process(MAIL, command, os.environ | {"PYTHONPATH": str(REPOSITORY)}, REPOSITORY)


def web_processes(places: Places, addresses: Addresses) -> list[Process]:
    """Those that need no engine to start, the gateway included."""
    apps = [(service, web(service), f"services.{service}.bootstrap") for service in SERVICES]
    return [
        _web_process(service, name, module, places, addresses)
        for service, name, module in [*apps, (GATEWAY, GATEWAY, "gateway.bootstrap")]
    ]


def _web_process(service: str, name: str, module: str, places: Places, addresses: Addresses) -> Process:
    command = (sys.executable, "-m", "gunicorn", "-c", "chassis/gunicorn_conf.py", f"{module}:create_app()")
    own = {
        "BIND": f"127.0.0.1:{addresses.ports[name]}",
        "WEB_THREADS": str(WEB_THREADS.get(service, FEW_WEB_THREADS)),
        "PROMETHEUS_MULTIPROC_DIR": str(places.metrics / name),
    }
    if service == GATEWAY:
        own["METRICS_BIND"] = f"127.0.0.1:{addresses.ports[GATEWAY_METRICS]}"
    return Process(name, command, {**environment(service, places, addresses), **own}, REPOSITORY)


def worker_processes(places: Places, addresses: Addresses) -> list[Process]:
    processes = []
    for service, task in [(name, task) for name in SERVICES for task in tasks(name)]:
        own = {"METRICS_BIND": f"127.0.0.1:{addresses.ports[worker(service, task)]}"}
        command = (sys.executable, "-m", "chassis", service, task)
        common = environment(service, places, addresses)
        processes.append(Process(worker(service, task), command, {**common, **own}, REPOSITORY))
    return processes
