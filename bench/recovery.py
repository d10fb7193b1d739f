"""A storm of recoveries through the whole system, beside the bare chain measured in the same run.

Timed from the first POST until every forwarding has stopped and every mail of a recovery is queued, both durable.
"""

import time
from datetime import UTC, datetime

from bench import bare_chain
from bench.ground import Ground
from bench.storm import Storm
from devstack.results import Result, at_least, figure

TITLE = (
    "A storm of recoveries, from the first POST until every forwarding has stopped and every mail is queued, both "
    "durable; beside the bare chain."
)
ROUNDS, GOAL = 3, 1.0


def run(ground: Ground) -> Result:
    """Storms, each taken back with the clock running, and the bare chain in turns."""
    storm = Storm.on(ground)
    storm.prepare()
    ours, bare = list[float](), list[float]()
    for _ in ground.in_rounds("Recoveries and bare chain", ROUNDS):
        bare.append(bare_chain.measure(ground.mongo_url, ground.kafka_servers, storm.lines, ground.engines).rate)
        storm.faults()
        ground.settle()
        ours.append(_recovered(storm))
    rates = {"Tsunagu": ours, "bare chain": bare}
    recoveries = figure("lines/s", rates, beside="bare chain", goal=at_least(GOAL))
    return Result("recovery", TITLE, "", {f"{storm.lines:,} recoveries": recoveries})


def _recovered(storm: Storm) -> float:
    """Lines a second."""
    mark, began = datetime.now(UTC), time.monotonic()
    storm.post("recovered")
    storm.wait_for(storm.plans, mark, "BulkForwardStopped")
    storm.wait_for(storm.notices, mark, "MailQueued")
    return storm.lines / (time.monotonic() - began)
