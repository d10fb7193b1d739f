"""Kafka dies, hangs, forgets."""

from collections.abc import Mapping
from threading import Event

from chaos import topics
from chaos.ground import Ground, promised
from chaos.harm import away, standing_still
from chaos.load import Load

WEBS = ("gateway", "linewatch-web", "bulkforward-web", "voicewarp-web")
HANG_SECONDS = 60.0
# The web path never waits for Kafka, so while it hangs no answer may take as long as any wait for Kafka does.
NO_WAIT_SECONDS = 5.0


def killed(ground: Ground, load: Load) -> list[str]:
    with load.running(12), away(ground.stack, "kafka"):
        Event().wait(6)
    never_refused(load)
    return in_order(ground)


def hung(ground: Ground, load: Load) -> list[str]:
    before = ground.threads(*WEBS)
    with load.running(HANG_SECONDS), standing_still(ground.stack, "kafka"):
        Event().wait(HANG_SECONDS - 5)
        during = ground.threads(*WEBS)
    never_refused(load)
    slowest = max(load.slowest.values())
    promised(slowest < NO_WAIT_SECONDS, f"an answer took {slowest:.1f} s while Kafka hung")
    promised(during <= before + 4, f"{during - before} threads more after {HANG_SECONDS:.0f} s")
    return [f"slowest answer {slowest * 1000:.0f} ms while Kafka hung", *in_order(ground)]


def wiped(ground: Ground, load: Load) -> list[str]:
    with load.running(15):
        Event().wait(4)
        ground.stack.wipe_kafka()
    never_refused(load)
    return []


def never_refused(load: Load) -> None:
    refused: Mapping[str, int] = {
        f"{who} {status}": count for (who, status), count in load.told.items() if status == 503
    }
    promised(not refused and not load.broken_off, f"without Kafka there were {refused} {dict(load.broken_off)}")


def in_order(ground: Ground) -> list[str]:
    """The topics have the events of each line in order, apart from those that come again."""
    for topic in (topics.LINES, topics.FORWARDING):
        wrong = topics.out_of_order(topics.read(ground.kafka_servers, topic))
        promised(not wrong, f"{topic}: {len(wrong)} events after a later one, such as of {wrong[:1]}")
    return []
