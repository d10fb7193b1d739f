"""Benches that end as real ones may."""

from bench.ground import Ground
from devstack.results import Result, Void, count

TITLE = "A bench that tells how it was asked."


def run(ground: Ground) -> Result:
    """0 lines lose an effect."""
    if not ground.lines:
        raise Void("one fault was forwarded twice")
    return Result("", "", "", {"lines": count("lines", "ours", ground.lines)})
