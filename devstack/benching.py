"""Figures of the running stack of this folder."""

from datetime import timedelta

from chassis.auth import Principal, TokenIssuer
from chassis.messages import now
from devstack import operating, seed
from devstack.places import Places
from devstack.running import DEFAULT_ROOT, need
from devstack.services import web
from devstack.trouble import Trouble

SWITCH = "calls"
LIFETIME = timedelta(minutes=30)


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
