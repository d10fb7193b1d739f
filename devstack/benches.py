"""The table of benches. Imports nothing, so that the help of `./tsunagu bench` costs nothing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bench:
    """`module` has `TITLE`, a sentence, and `run(ground) -> Result`. `lines` are those of its storm, if it has one."""

    name: str
    module: str
    lines: int = 0


# In the order in which they go when all of them do: what leaves the most behind comes last.
_TABLE = (
    Bench("latency", "bench.latency"),
    Bench("gateway", "bench.gateway"),
    Bench("routing", "bench.routing"),
    Bench("calls", "bench.calls"),
    Bench("pages", "bench.pages"),
    Bench("mails", "bench.mails"),
    Bench("faxes", "bench.faxes"),
    Bench("store", "bench.store"),
    Bench("load", "bench.load"),
    Bench("naive", "bench.naive", 2000),
    Bench("login", "bench.login", 10_000),
    Bench("storm-10000", "bench.storm", 10_000),
    Bench("repost", "bench.repost", 10_000),
    Bench("recovery", "bench.recovery", 10_000),
    Bench("rebuild", "bench.rebuild", 10_000),
    Bench("storm", "bench.storm", 100_000),
)
BENCHES = {bench.name: bench for bench in _TABLE}
