"""What a fresh stack is given so that it can be tried at once: API keys and the contract of the guide."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from devstack.client import Answer, Client, expect
from devstack.places import Places, write_private
from devstack.services import Addresses
from devstack.stack import run_command
from devstack.trouble import Trouble

LINE_EVENTS, CALLS, IVR, FAXES, OPERATOR = "line-events", "calls", "ivr", "faxes", "operator"
SCOPES = (LINE_EVENTS, CALLS, IVR, FAXES, OPERATOR)
CONTRACT, FAX_NUMBER = "0600001111", "0600002222"
# The example of the customers' guide (spec section 12 gives the shape).
DEMO_CONTRACT = {
    "contract_number": CONTRACT,
    "circuit": "C-1111",
    "contractor": "株式会社つなぐ",
    "site": "本店",
    "options": ["bulk-forward", "fault-notice"],
    "numbers": {"0600001111": ["voicewarp", "incoming-mail"], "0600002222": ["incoming-mail", "fax-mail"]},
}
ENTRIES = {"0600001111": "0312345678", "0600002222": "09012345678"}
ADDRESSES = ("soumu@example.jp", "tencho@example.jp")
FAULT_NOTICE = {"started": True, "contractor": "株式会社つなぐ", "site": "本店", "addresses": list(ADDRESSES)}
VOICEWARP = {
    "started": False,
    "mode": "no-answer",
    "ring_seconds": 15,
    "destinations": [{"number": "09012345678", "label": "携帯"}],
    "active": 1,
    "select": {"mode": "off", "callers": []},
}
INCOMING_MAIL = {"started": True, "addresses": ["tencho@example.jp"], "when": ["all"]}
FAX_MAIL = {"started": True, "addresses": ["tencho@example.jp"]}
HEARD_SECONDS = 30.0


def ensure_keys(places: Places, addresses: Addresses, gateway_url: str, mail_url: str | None) -> dict[str, str]:
    """API keys by scope, those of `demo.json` while they are valid, else new ones. Writes `demo.json` (mode 600)."""
    keys = read_keys(places)
    if not _valid(gateway_url, keys):
        with ThreadPoolExecutor(len(SCOPES)) as together:
            made = together.map(lambda scope: create_key(places, addresses, "demo", (scope,)), SCOPES)
            keys = dict(zip(SCOPES, made, strict=True))
    numbers = list(ENTRIES)
    content = {"gateway_url": gateway_url, "mail_url": mail_url, "numbers": numbers, "api_keys": keys}
    write_private(places.demo, json.dumps(content, indent=1) + "\n")
    return keys


def read_keys(places: Places) -> dict[str, str]:
    """The keys of `demo.json`, empty when there are none."""
    try:
        keys = json.loads(places.demo.read_text(encoding="utf-8"))["api_keys"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return dict(keys) if isinstance(keys, Mapping) else {}


def create_key(places: Places, addresses: Addresses, name: str, scopes: tuple[str, ...]) -> str:
    """A new API key, made by auth's own command. Raises Trouble with what that command said."""
    options = [part for scope in scopes for part in ("--scope", scope)]
    done = run_command(places, addresses, "auth", ["api-key", "create", name, *options])
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Trouble(f"The API key was not made: {said[-1] if said else done.returncode}")
    return done.stdout.strip()


def ensure_demo_contract(client: Client) -> None:
    """Imports the contract and gives it settings where it has none. An operator's client."""
    expect(client.put(f"/api/v1/contracts/{CONTRACT}", DEMO_CONTRACT), "The demo contract")
    contract, number = f"/api/v1/contracts/{CONTRACT}", f"/api/v1/numbers/{CONTRACT}"
    forwarding = {"entries": ENTRIES, "auto_start": True, "auto_stop": True}
    _ensure(client, f"{contract}/bulk-forward", "entries", forwarding)
    _ensure(client, f"{contract}/fault-notice", "addresses", FAULT_NOTICE)
    _ensure(client, f"{number}/voicewarp", "destinations", VOICEWARP)
    for one in ENTRIES:
        _ensure(client, f"/api/v1/numbers/{one}/incoming-mail", "addresses", INCOMING_MAIL)
    _ensure(client, f"/api/v1/numbers/{FAX_NUMBER}/fax-mail", "addresses", FAX_MAIL)


def _ensure(client: Client, path: str, needed: str, setting: Mapping[str, object]) -> None:
    """Gives a setting in which what is needed is empty these values; any other stays as somebody made it."""
    if not _once_heard(client, path).body.get(needed):
        expect(client.put(path, setting), f"PUT {path}")


def _once_heard(client: Client, path: str) -> Answer:
    """Services learn of a contract by an event, so for a moment they do not know it."""
    deadline = time.monotonic() + HEARD_SECONDS
    while (answer := client.get(path)).status in (403, 404, 503) and time.monotonic() < deadline:
        time.sleep(0.05)
    return expect(answer, f"GET {path}")


def _valid(gateway_url: str, keys: Mapping[str, str]) -> bool:
    if not keys.keys() >= set(SCOPES):
        return False
    return Client(gateway_url, keys[OPERATOR]).get("/api/v1/api-keys").status == 200
