"""Gives many contracts their settings within seconds.

Each is decided by the service's own decider and becomes a commit of its own, as when an operator saves it; but through
`Handler.handle_many` on the service's store, a thousand at a time, as auth imports contracts, and not through HTTP one
by one. From there on all is as ever: relay, Kafka and views see the commits.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench.ground import Ground
from chassis.handling import Done, Handler, Order
from chassis.messages import Actor, Codec
from chassis.mongo_store import MongoStore
from services.bulkforward import bootstrap as bulkforward
from services.bulkforward.model import CATEGORY, DECIDER, EditPlan
from services.notify import bootstrap as notify
from services.notify.model import notice
from services.notify.model.notice import EditNotice

AT_ONCE = 1000
OPERATOR = Actor("operator", "bench")
DESTINATION = "0312345678"


def forward(ground: Ground, contracts: Sequence[str]) -> None:
    """Bulk forwarding of each contract's own number, with both automations. The service must know the contracts."""
    plans = _handler(ground, bulkforward.NAME, bulkforward.CODEC, DECIDER, CATEGORY)
    _order(ground, "Destinations", plans, contracts, lambda one: EditPlan({one: DESTINATION}, True, True))


def tell(ground: Ground, addresses: Mapping[str, str]) -> None:
    """A fault notice of each contract to its address. The service must know the contracts."""
    notices = _handler(ground, notify.NAME, notify.CODEC, notice.DECIDER, notice.CATEGORY)
    _order(ground, "Notices", notices, list(addresses), lambda one: EditNotice(True, None, None, (addresses[one],)))


def _handler(ground: Ground, name: str, codec: Codec, decider: Any, category: str) -> Handler[Any]:
    return Handler(MongoStore(ground.database(name), codec), decider, category)


def _order(
    ground: Ground, title: str, handler: Handler[Any], contracts: Sequence[str], command: Callable[[str], object]
) -> None:
    for some in ground.each(title, list(_parts(contracts))):
        orders = [Order(one, command(one), f"bench:{uuid.uuid4().hex}", mark=False) for one in some]
        refused = [answer for answer in handler.handle_many(orders, OPERATOR) if not isinstance(answer, Done)]
        if refused:
            raise RuntimeError(f"{len(refused)} settings were not taken: {refused[0]}")


def _parts(contracts: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(contracts), AT_ONCE):
        yield contracts[start : start + AT_ONCE]
