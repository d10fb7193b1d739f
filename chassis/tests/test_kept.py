"""What a process keeps of streams: the newest, and none for long."""

from datetime import UTC, datetime, timedelta

from chassis.kept import Kept

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=11)


def kept(**values: int) -> Kept[int]:
    made = Kept[int](2, timedelta(seconds=10))
    for stream, value in values.items():
        made.keep({stream: value}, NOON)
    return made


def test_a_look_leaves_what_it_finds() -> None:
    some = kept(a=1)

    assert [some.look(["a", "b"], NOON), some.look(["a"], NOON)] == [{"a": 1}, {"a": 1}]


def test_what_is_taken_is_gone() -> None:
    some = kept(a=1)

    assert [some.take(["a", "b"], NOON), some.take(["a"], NOON)] == [{"a": 1}, {}]


def test_only_the_newest_stay() -> None:
    some = kept(a=1, b=2)
    some.keep({"a": 3}, NOON)
    some.keep({"c": 4}, NOON)

    assert some.look("abc", NOON) == {"a": 3, "c": 4}


def test_what_is_old_is_not_told() -> None:
    some = kept(a=1, b=2)
    some.keep({"b": 3}, LATER)

    assert (some.look("ab", LATER), some.take("ab", LATER)) == ({"b": 3}, {"b": 3})
