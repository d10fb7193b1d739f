"""What was published once can be read for ever."""

from pathlib import Path

import msgspec
import pytest

import contracts
from contracts.tests.compatibility import breaks
from contracts.tests.examples import EXAMPLES
from contracts.tests.golden import Sample, samples, schema_of, write

TYPES = {event.__name__: event for event in contracts.events_of(*contracts.EVENTS)}
SAMPLES = samples()


def test_every_event_has_an_example_and_a_sample() -> None:
    without_example = sorted(set(TYPES) - set(EXAMPLES))
    without_sample = sorted(set(TYPES) - {sample.event for sample in SAMPLES.values()})

    assert not without_example, f"Add an example to contracts/tests/examples.py: {without_example}"
    assert not without_sample, f"Run `python -m contracts.tests.golden` and commit what it writes: {without_sample}"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_is_still_read(name: str) -> None:
    sample = SAMPLES[name]
    assert sample.event in TYPES, f"{sample.event} is gone from contracts/, but it lies in Kafka for ever: put it back"

    event: object = msgspec.convert(sample.data, TYPES[sample.event])

    kept = _common(msgspec.to_builtins(event), sample.data)
    assert kept == sample.data, f"{name}: a field was lost or is read as something else; add it back or upcast it"


@pytest.mark.parametrize("name", SAMPLES)
def test_fields_change_only_so_that_old_events_stay_readable(name: str) -> None:
    sample = SAMPLES[name]

    found = list(breaks(sample.schema, schema_of(TYPES[sample.event]), sample.event))

    assert not found, (
        f"{name}: {found}. Events of this shape are stored: give a new field a default, never remove, rename or narrow "
        "one; say a new event instead."
    )


@pytest.mark.parametrize("event", TYPES)
def test_the_newest_sample_has_the_event_as_it_is_now(event: str) -> None:
    newest = [sample for sample in SAMPLES.values() if sample.event == event][-1]

    assert newest.schema == schema_of(TYPES[event]), (
        f"{event} has changed. If old events stay readable, run `python -m contracts.tests.golden {event}` and commit "
        "the new sample beside the old ones."
    )


def test_writing_samples_touches_none_that_exists(tmp_path: Path) -> None:
    by_hand = tmp_path / "LineFaulted.json"
    by_hand.write_text('{"data": {"by": "hand"}, "schema": {}}')

    first = write([], tmp_path)
    again = write(["LineFaulted"], tmp_path)

    assert len(first) == len(TYPES) - 1
    assert again == ["LineFaulted.2.json"]
    assert samples(tmp_path)["LineFaulted.json"] == Sample("LineFaulted", {"by": "hand"}, {})
    assert [name for name in samples(tmp_path) if "Faulted." in name] == ["LineFaulted.json", "LineFaulted.2.json"]


def _common(new: object, old: object) -> object:
    """`new` without the fields that `old` did not have."""
    if isinstance(new, dict) and isinstance(old, dict):
        return {key: _common(new[key], old[key]) for key in old if key in new}
    if isinstance(new, list | tuple) and isinstance(old, list):
        return [_common(item, before) for item, before in zip(new, old, strict=False)]
    return new
