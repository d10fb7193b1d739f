"""What an operator does to the running stack of this folder: API keys, dead letters, views."""

import sys

from devstack import seed
from devstack.client import Client, expect
from devstack.places import Places
from devstack.running import DEFAULT_ROOT, need
from devstack.stack import run_command
from devstack.trouble import Trouble


def operator_key() -> str:
    """The operator's key of `demo.json`. Raises Trouble when there is none."""
    key = seed.read_keys(Places(DEFAULT_ROOT)).get(seed.OPERATOR)
    if not key:
        raise Trouble("There is no operator key yet; wait until ./tsunagu up says that it runs.")
    return key


def create_key(name: str, scopes: tuple[str, ...]) -> str:
    """The new key."""
    return seed.create_key(Places(DEFAULT_ROOT), need().addresses, name, scopes)


def key_rows() -> list[tuple[str, ...]]:
    """Of each key: id, name, scopes, when it was last seen."""
    body = expect(_operator().get("/api/v1/api-keys"), "The list of API keys").body
    items = body["items"] if isinstance(body, dict) else body
    return [
        (str(item["id"]), str(item["name"]), ",".join(item["scopes"]), str(item.get("last_seen") or "never"))
        for item in items
    ]


def revoke_key(key_id: str) -> None:
    """From now on the key is refused. Raises Trouble when there is none of this id."""
    expect(_operator().delete(f"/api/v1/api-keys/{key_id}"), "Revoking the API key")


def service_command(service: str, *arguments: str) -> int:
    """Runs it with the running stack's environment, passes its output on, gives its exit code."""
    done = run_command(Places(DEFAULT_ROOT), need().addresses, service, arguments)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


def _operator() -> Client:
    return Client(need().gateway_url, operator_key())
