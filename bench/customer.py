"""A contract whose customer can log in."""

from collections.abc import Mapping, Sequence

from bench.ground import Ground
from chassis.testing import eventually
from devstack import seed
from devstack.client import Client, expect

TEMPORARY, LASTING = "20261123", "tsunagu2026"
API = "/api/v1"


def register(ground: Ground, contract: str, numbers: Sequence[str], options: Sequence[str]) -> None:
    """The contract with these numbers, each with these options, and a login."""
    body = {
        "contract_number": contract,
        "circuit": f"C-bench-{contract}",
        "contractor": "株式会社つなぐ",
        "site": "本店",
        "options": ["bulk-forward", "fault-notice"],
        "numbers": {number: list(options) for number in numbers},
    }
    expect(ground.client(seed.OPERATOR).put(f"{API}/contracts/{contract}", body), contract)


def log_in(ground: Ground, contract: str) -> str:
    """The token of a new session; the password is set first where there is none."""
    visitor = Client(ground.gateway_url)
    if token := try_login(visitor, contract, LASTING):
        return token
    _set_temporary(ground.client(seed.IVR), contract)
    token = eventually(lambda: try_login(visitor, contract, TEMPORARY)) or ""
    body = {"current": TEMPORARY, "new": LASTING, "new_again": LASTING}
    return str(expect(Client(ground.gateway_url, token).put(f"{API}/password", body), "The password").body["token"])


def try_login(visitor: Client, contract: str, password: str) -> str:
    """The session's token; "" where the password is another one."""
    answer = visitor.post(f"{API}/sessions", {"number": contract, "password": password})
    return str(answer.body["token"]) if answer.status == 201 else ""


def _set_temporary(telephone: Client, contract: str) -> None:
    calls = f"{API}/ivr/calls"
    begun = eventually(lambda: _begun(telephone.post(calls, {"caller": contract}).body))
    for keys in ("1", TEMPORARY, TEMPORARY):
        expect(telephone.post(f"{calls}/{begun}/keys", {"keys": keys}), "A key")


def _begun(body: Mapping[str, str]) -> str | None:
    return body.get("call_id")
