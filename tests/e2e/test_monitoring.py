"""Real monitoring programs, as Debian packages them, report through the gateway."""

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from chassis.testing import eventually
from devstack.places import REPOSITORY
from devstack.ports import free_port
from tests.e2e.customer import API, Customer
from tests.e2e.programs import program, running, with_ours

INTEGRATIONS = REPOSITORY / "integrations"
NOTIFY, CONFIG = INTEGRATIONS / "nagios" / "tsunagu-notify", INTEGRATIONS / "nagios" / "icinga2.conf"
TRAP, TRAPS = INTEGRATIONS / "snmp" / "tsunagu-trap", INTEGRATIONS / "snmp" / "snmptrapd.conf"
ZABBIX = INTEGRATIONS / "zabbix" / "media_tsunagu.yaml"


# Alertmanager.


def receivers(url: str, key: str) -> dict[str, dict[str, Any]]:
    """How an Alertmanager may be set up to tell us."""
    web_hook = {"url": f"{url}/alertmanager"}
    pagerduty = {
        "url": f"{url}/pagerduty",
        "routing_key": key,
        "severity": "{{ .CommonLabels.severity }}",
        "details": {"line": "{{ .CommonLabels.line }}"},
    }
    return {
        "bearer": {"webhook_configs": [web_hook | {"http_config": {"authorization": {"credentials": key}}}]},
        "password": {
            "webhook_configs": [web_hook | {"http_config": {"basic_auth": {"username": "noc", "password": key}}}]
        },
        "routing-key": {"pagerduty_configs": [pagerduty]},
    }


@pytest.fixture(params=["bearer", "password", "routing-key"])
def alert(
    stack_url: str, keys: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Callable[..., bool]]:
    """Gives a real Alertmanager an alert, as Prometheus would."""
    binary = program("prometheus-alertmanager", "prometheus-alertmanager")
    port = free_port()
    known = receivers(f"{stack_url}{API}/line-events", keys["line-events"])
    receiver = {"name": "tsunagu", **known[request.param]}
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
    places = {
        "https://tsunagu.example/api/v1": f"{stack_url}{API}",
        "/etc/icinga2/tsunagu.key": str(key),
        "/usr/local/bin/tsunagu-notify": str(NOTIFY),
    }
    snippet = with_ours(CONFIG.read_text(encoding="utf-8"), places)
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
    folders = [f"-D{name}={tmp_path}" for name in ("DataDir", "LogDir", "CacheDir", "SpoolDir", "InitRunDir")]
    whoami = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    users = [f"-DRunAsUser={whoami}", f"-DRunAsGroup={whoami}"]
    with running([binary, "daemon", "-c", str(config), "-x", "notice", *folders, *users], tmp_path / "log"):
        yield state


def test_icinga_faults_a_line_and_lets_it_recover(customer: Customer, icinga: Path) -> None:
    icinga.write_text("2", encoding="utf-8")
    customer.once_faulted()
    icinga.write_text("0", encoding="utf-8")

    customer.once_recovered()


# Net-SNMP.


@pytest.fixture
def trap(stack_url: str, keys: dict[str, str], customer: Customer, tmp_path: Path) -> Iterator[Callable[..., None]]:
    """Sends traps of a device, whose interface 3 is the customer's line, to a real snmptrapd with our snippet."""
    daemon, sender = program("snmptrapd", "snmptrapd"), program("snmptrap", "snmp")
    port = free_port()
    (tmp_path / "key").write_text(keys["line-events"], encoding="utf-8")
    (tmp_path / "map").write_text(f"127.0.0.1 3 C-{customer.number}\n", encoding="utf-8")
    places = {
        "https://tsunagu.example/api/v1": f"{stack_url}{API}",
        "/etc/snmp/tsunagu.key": str(tmp_path / "key"),
        "/etc/snmp/tsunagu.map": str(tmp_path / "map"),
        "/var/spool/tsunagu-trap": str(tmp_path / "spool"),
        "/usr/local/bin/tsunagu-trap": str(TRAP),
    }
    config = tmp_path / "snmptrapd.conf"
    config.write_text(with_ours(TRAPS.read_text(encoding="utf-8"), places), encoding="utf-8")
    address, log = f"127.0.0.1:{port}", tmp_path / "log"
    command = [daemon, "-f", "-n", "-Lo", "-m", "", "-C", "-c", str(config), f"udp:{address}"]

    def send(kind: int, admin: int) -> None:
        column = "1.3.6.1.2.1.2.2.1"
        index, status = [f"{column}.1.3", "i", "3"], [f"{column}.7.3", "i", str(admin)]
        words = ["-v2c", "-c", "public", address, "", f"1.3.6.1.6.3.1.1.5.{kind}", *index, *status]
        subprocess.run([sender, "-m", "", *words], check=True)

    with running(command, log):
        eventually(lambda: "NET-SNMP version" in log.read_text(encoding="utf-8"))
        yield send


def test_snmptrapd_faults_a_line_and_lets_it_recover(customer: Customer, trap: Callable[..., None]) -> None:
    trap(kind=3, admin=1)
    customer.once_faulted()
    trap(kind=4, admin=1)

    customer.once_recovered()


def test_an_interface_that_is_shut_down_by_hand_mails_nobody(customer: Customer, trap: Callable[..., None]) -> None:
    trap(kind=3, admin=2)

    eventually(lambda: customer.count("AlarmRaised") == 1)
    assert customer.count("LineFaulted") == 0


# Zabbix.


@pytest.fixture
def media(stack_url: str, keys: dict[str, str], tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs our media type's script in Zabbix's own engine, with the parameters as Zabbix 6.0 fills them in."""
    engine = program("zabbix_js", "zabbix-proxy-sqlite3")
    (media,) = yaml.safe_load(ZABBIX.read_text(encoding="utf-8"))["zabbix_export"]["media_types"]
    script = tmp_path / "media.js"
    script.write_text(media["script"], encoding="utf-8")
    macros = {"{$TSUNAGU.URL}": f"{stack_url}{API}", "{$TSUNAGU.KEY}": keys["line-events"], "{EVENT.SOURCE}": "0"}

    def call(**said: str) -> "subprocess.CompletedProcess[str]":
        filled = macros | {f"{{{name.replace('_', '.')}}}": value for name, value in said.items()}
        values = {one["name"]: filled.get(one["value"], one["value"]) for one in media["parameters"]}
        words = [engine, "-s", str(script), "-p", json.dumps(values)]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    return call


def test_zabbix_faults_a_line_and_lets_it_recover(customer: Customer, media: Callable[..., Any]) -> None:
    tags = json.dumps([{"tag": "line", "value": customer.second_number}])
    problem = {"EVENT_ID": customer.number, "EVENT_VALUE": "1", "EVENT_NSEVERITY": "5", "EVENT_TAGSJSON": tags}

    raised = media(**problem, EVENT_NAME="光回線の断", EVENT_UPDATE_STATUS="0")
    again = media(**problem, EVENT_NAME="光回線の断", EVENT_UPDATE_STATUS="0")
    customer.once_faulted()
    cleared = media(**problem | {"EVENT_VALUE": "0"}, EVENT_UPDATE_STATUS="0")

    said = [json.loads(one.stdout.strip())["tags"]["tsunagu"] for one in (raised, again, cleared)]
    assert said == ["accepted", "duplicate", "accepted"]
    customer.once_recovered()


def test_what_zabbix_cannot_tell_fails_its_media_type(media: Callable[..., Any]) -> None:
    tags = json.dumps([{"tag": "line", "value": "0700000000"}])

    refused = media(EVENT_ID="1", EVENT_VALUE="1", EVENT_TAGSJSON=tags)

    assert "Tsunagu refused the event: unknown-line" in refused.stdout + refused.stderr
