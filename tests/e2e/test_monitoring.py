"""Real monitoring programs, as Debian packages them, report through the gateway."""

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.testing import eventually
from devstack.places import REPOSITORY
from devstack.ports import free_port
from tests.e2e.customer import API, Customer

NOTIFY = REPOSITORY / "integrations" / "nagios" / "tsunagu-notify"
CONFIG = REPOSITORY / "integrations" / "nagios" / "icinga2.conf"


def program(name: str, package: str) -> str:
    """Where the program is; without it the story is skipped, and says what to install."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed (Debian's package {package})")
    return found


@contextmanager
def running(command: Sequence[str], log: Path) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(20)


# Alertmanager.


@pytest.fixture
def alert(stack_url: str, keys: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Gives a real Alertmanager an alert, as Prometheus would."""
    binary = program("prometheus-alertmanager", "prometheus-alertmanager")
    port = free_port()
    receiver = {
        "name": "tsunagu",
        "webhook_configs": [
            {
                "url": f"{stack_url}{API}/line-events/alertmanager",
                "http_config": {"authorization": {"credentials": keys["line-events"]}},
            }
        ],
    }
    route = {"receiver": "tsunagu", "group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
    config = tmp_path / "alertmanager.yml"
    config.write_text(json.dumps({"route": route, "receivers": [receiver]}), encoding="utf-8")  # JSON is YAML.
    address = f"http://127.0.0.1:{port}"
    command = [binary, f"--config.file={config}", f"--storage.path={tmp_path / 'data'}"]
    with running(
        [*command, f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="], tmp_path / "log"
    ) as process:
        eventually(lambda: process.poll() is not None or asked(f"{address}/-/ready"))
        yield lambda **labels: asked(f"{address}/api/v2/alerts", [made(**labels)])


def made(ends: str = "", **labels: str) -> dict[str, Any]:
    alert = {"labels": {"alertname": "LineDown", **labels}, "annotations": {"summary": "光回線の断"}}
    return alert | ({"endsAt": ends} if ends else {})


def asked(url: str, body: Any = None) -> bool:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_alertmanager_faults_a_line_and_lets_it_recover(customer: Customer, alert: Callable[..., None]) -> None:
    labels = {"line": customer.second_number, "severity": "critical"}

    alert(**labels)
    customer.once_faulted()
    alert(**labels, ends=datetime.now(UTC).isoformat())

    customer.once_recovered()


# Icinga.


@pytest.fixture
def icinga(stack_url: str, keys: dict[str, str], customer: Customer, tmp_path: Path) -> Iterator[Path]:
    """A real Icinga 2 with our snippet and one service, whose state is the number in a file."""
    binary = program("icinga2", "icinga2-bin")
    state, key = tmp_path / "state", tmp_path / "key"
    state.write_text("0", encoding="utf-8")
    key.write_text(keys["line-events"], encoding="utf-8")
    snippet = CONFIG.read_text(encoding="utf-8")
    for example, ours in (
        ("https://tsunagu.example/api/v1", f"{stack_url}{API}"),
        ("/etc/icinga2/tsunagu.key", str(key)),
        ("/usr/local/bin/tsunagu-notify", str(NOTIFY)),
    ):
        assert example in snippet
        snippet = snippet.replace(example, ours)
    config = tmp_path / "icinga2.conf"
    config.write_text(
        f"""
include <itl>
library "notification"
object NotificationComponent "notification" {{}}
object CheckerComponent "checker" {{}}
object CheckCommand "state" {{ command = [ "/bin/sh", "-c", "exit $$(cat {state})" ] }}
object Host "olt-7" {{ check_command = "state", check_interval = 1h, max_check_attempts = 1 }}
object Service "line" {{
  host_name = "olt-7"
  check_command = "state"
  check_interval = 1s
  retry_interval = 1s
  max_check_attempts = 1
  vars.circuit = "C-{customer.number}"
}}
{snippet}
""",
        encoding="utf-8",
    )
    places = [f"-D{name}={tmp_path}" for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir")]
    whoami = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    users = [f"-DRunAsUser={whoami}", f"-DRunAsGroup={whoami}"]
    with running([binary, "daemon", "-c", str(config), "-x", "notice", *places, *users], tmp_path / "log"):
        yield state


def test_icinga_faults_a_line_and_lets_it_recover(customer: Customer, icinga: Path) -> None:
    icinga.write_text("2", encoding="utf-8")
    customer.once_faulted()
    icinga.write_text("0", encoding="utf-8")

    customer.once_recovered()
