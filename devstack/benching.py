"""Figures of the running stack of this folder."""

from datetime import timedelta

from chassis.auth import Principal, TokenIssuer
from chassis.messages import now
from devstack import operating, seed
from devstack.client import Client
from devstack.places import Places
from devstack.running import DEFAULT_ROOT, need
from devstack.services import tasks, web, worker
from devstack.trouble import Trouble

SWITCH = "calls"
LIFETIME = timedelta(minutes=30)


def faxes() -> None:
    """The bench of the list of faxes. Raises Trouble when a fax is lost, doubled or changed."""
    from bench import faxes as bench_faxes

    stack, operator = need(), operating.operator_key()
    keys = {seed.OPERATOR: operator, seed.FAXES: seed.read_keys(Places(DEFAULT_ROOT))[seed.FAXES]}
    seed.ensure_demo_contract(Client(stack.gateway_url, operator))
    names = (web("faxstore"), *(worker("faxstore", task) for task in tasks("faxstore")))
    processes = {name: stack.pids[name] for name in names}
    try:
        bench_faxes.run(stack.gateway_url, keys, seed.FAX_NUMBER, processes)
    except RuntimeError as broken:
        raise Trouble(str(broken)) from broken


def pages() -> None:
    """The bench of the top page. Raises Trouble when a page does not come."""
    from bench import pages as bench_pages

    stack, keys = need(), seed.read_keys(Places(DEFAULT_ROOT))
    try:
        bench_pages.run(stack.gateway_url, operating.operator_key(), keys[seed.IVR], stack.addresses.mongo_url)
    except RuntimeError as broken:
        raise Trouble(str(broken)) from broken


def calls() -> None:
    """The bench of `POST /calls`. Raises Trouble when a call is not answered."""
    from bench import calls as bench_calls  # Its libraries are not needed by anything else.

    stack, places = need(), Places(DEFAULT_ROOT)
    keys = {seed.OPERATOR: operating.operator_key(), SWITCH: operating.create_key("bench", (SWITCH,))}
    switch = Principal("machine", "bench", frozenset({SWITCH}))
    token = TokenIssuer.from_file(places.signing_key).issue(switch, lifetime=LIFETIME, at=now())
    addresses = stack.addresses
    try:
        bench_calls.run(
            stack.gateway_url, addresses.url(web("voicewarp")), keys, token, addresses.mongo_url, seed.CONTRACT
        )
    except RuntimeError as broken:
        raise Trouble(str(broken)) from broken
