from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest

from chassis.testing import NOON, Given, given
from contracts.linewatch import EVENTS, LineFaulted, LineFaultWorsened, LineFlapping, LineRecovered
from services.linewatch.model.line import (
    DECIDER,
    MOST_CLEARED,
    AlarmCleared,
    AlarmIgnored,
    AlarmRaised,
    ChangeKept,
    Clear,
    EndLine,
    LeaveArea,
    Line,
    Raise,
    StillKept,
    Wake,
    joined,
    wake_at,
)
from services.linewatch.tests.examples import (
    ALARM_CLEARED,
    ALARM_IGNORED,
    ALARM_RAISED,
    CLEAR,
    FAULT,
    KEY,
    LATER,
    LINE_FAULT_WORSENED,
    LINE_FAULTED,
    LINE_RECOVERED,
    NUMBER,
    RAISE,
    RULES,
)

FAULTED = (ALARM_RAISED, LINE_FAULTED)
RECOVERED = (*FAULTED, ALARM_CLEARED, LINE_RECOVERED)
POWER = replace(RAISE, alarm="power", message_id="e3", at=LATER, received=LATER)
POWER_RAISED = replace(ALARM_RAISED, key="noc-west|power", message_id="e3", since=LATER, at=LATER, received=LATER)


def after(**by: float) -> datetime:
    return LATER + timedelta(**by)


def line(*events: object) -> Given[Line]:
    return given(DECIDER, *events)


def ignored(reason: str, at: datetime = NOON, message_id: str = "e1") -> AlarmIgnored:
    return AlarmIgnored(KEY, "noc-west", message_id, reason, at)  # type: ignore[arg-type]


# One alarm.


def test_an_alarm_makes_a_fault() -> None:
    line().when(RAISE).then(ALARM_RAISED, LINE_FAULTED)


def test_a_cleared_alarm_is_a_recovery() -> None:
    line(*FAULTED).when(CLEAR).then(ALARM_CLEARED, LINE_RECOVERED)


def test_the_same_alarm_again_is_no_second_fault() -> None:
    line(*FAULTED).when(replace(RAISE, message_id="e9", at=LATER, received=LATER)).then(
        ignored("already-raised", LATER, "e9")
    )


def test_an_alarm_after_the_recovery_is_the_next_fault() -> None:
    again = replace(RAISE, message_id="e3", at=after(minutes=1), received=after(minutes=1))

    line(*RECOVERED).when(again).then(
        replace(ALARM_RAISED, message_id="e3", since=again.at, at=again.at, received=again.at),
        LineFaulted(NUMBER, f"{NUMBER}-2", "major", "断線", again.at),
    )


def test_an_alarm_is_since_when_it_was_first_raised() -> None:
    worse = replace(RAISE, severity="critical", at=LATER, received=LATER)

    alarm = line(*FAULTED, *DECIDER.decide(worse, line(*FAULTED).state)).state.alarms[KEY]

    assert (alarm.severity, alarm.since, alarm.latest) == ("critical", NOON, LATER)


# Order.


def test_a_recovery_before_its_fault_is_remembered() -> None:
    line().when(CLEAR).then(ALARM_IGNORED)


@pytest.mark.parametrize("at", [NOON, LATER], ids=["older", "of the same instant"])
def test_a_fault_after_its_early_recovery_does_not_raise(at: datetime) -> None:
    line(ALARM_IGNORED).when(replace(RAISE, at=at, received=LATER)).then(ignored("older-than-recovery", at))


def test_a_recovery_counts_although_our_clock_was_set_back() -> None:
    back = NOON - timedelta(hours=1)

    line(*FAULTED).when(replace(CLEAR, received=back)).then(
        replace(ALARM_CLEARED, received=back), ChangeKept(LATER, back + RULES.hold)
    )


def test_without_times_the_last_to_come_is_the_newest_also_when_our_clock_was_set_back() -> None:
    back = NOON - timedelta(hours=1)

    line(*FAULTED).when(replace(CLEAR, at=back, received=back, timed=False)).then(
        replace(ALARM_CLEARED, at=NOON, received=back), ChangeKept(NOON, back + RULES.hold)
    )


def test_a_repeat_that_came_while_our_clock_was_ahead_does_not_make_the_recovery_look_old() -> None:
    ahead = NOON + timedelta(hours=1)
    repeated = DECIDER.decide(replace(RAISE, at=ahead, received=ahead, timed=False), line(*FAULTED).state)

    line(*FAULTED, *repeated).when(replace(CLEAR, at=LATER, received=LATER, timed=False)).then(
        replace(ALARM_CLEARED, at=ahead, received=LATER), replace(LINE_RECOVERED, until=ahead)
    )


def test_a_sender_whose_clock_is_ahead_does_not_make_its_next_message_look_old() -> None:
    ahead = NOON + timedelta(hours=5)
    raised = DECIDER.decide(replace(RAISE, at=ahead), line().state)

    line(*raised).when(CLEAR).then(ALARM_CLEARED, LINE_RECOVERED)


def test_a_fault_later_than_the_early_recovery_raises() -> None:
    line(ALARM_IGNORED).when(replace(RAISE, at=after(seconds=1), received=after(seconds=1))).then(
        replace(ALARM_RAISED, since=after(seconds=1), at=after(seconds=1), received=after(seconds=1)),
        replace(LINE_FAULTED, since=after(seconds=1)),
    )


def test_a_fault_older_than_the_last_recovery_does_not_raise() -> None:
    line(*RECOVERED).when(RAISE).then(ignored("older-than-recovery"))


def test_a_recovery_older_than_its_fault_clears_nothing() -> None:
    line(*FAULTED).when(replace(CLEAR, at=NOON - timedelta(seconds=1))).then(
        ignored("older-than-fault", NOON - timedelta(seconds=1), "e2")
    )


def test_a_recovery_of_the_same_instant_clears() -> None:
    line(*FAULTED).when(replace(CLEAR, at=NOON)).then(
        replace(ALARM_CLEARED, at=NOON), replace(LINE_RECOVERED, until=NOON)
    )


def test_a_fault_of_the_recoverys_instant_that_comes_after_it_is_a_new_one() -> None:
    line(*RECOVERED).when(replace(RAISE, at=LATER, received=LATER)).then(
        replace(ALARM_RAISED, since=LATER, at=LATER, received=LATER),
        replace(LINE_FAULTED, fault_id=f"{NUMBER}-2", since=LATER),
    )


def test_a_recovery_older_than_the_alarms_newest_message_clears_nothing() -> None:
    repeated = ignored("already-raised", after(minutes=1))

    line(*FAULTED, repeated).when(CLEAR).then(ignored("older-than-fault", LATER, "e2"))


def test_an_older_severity_that_comes_late_changes_nothing() -> None:
    late = replace(RAISE, severity="minor", at=NOON - timedelta(seconds=1))

    line(*FAULTED).when(late).then(ignored("already-raised", late.at))


def test_older_planned_work_that_comes_late_ends_no_fault() -> None:
    late = replace(RAISE, planned=True, at=NOON - timedelta(seconds=1))

    line(*FAULTED).when(late).then(ignored("already-raised", late.at))


def test_a_late_recovery_does_not_move_an_alarms_end_back() -> None:
    late = replace(CLEAR, at=after(minutes=-5), received=after(minutes=-5))
    state = line(*RECOVERED, *DECIDER.decide(late, line(*RECOVERED).state)).state

    assert state.cleared[KEY].at == LATER


# Two alarms.


def test_two_alarms_on_one_line_are_one_fault() -> None:
    line(*FAULTED).when(POWER).then(POWER_RAISED)


def test_a_line_is_faulted_until_both_alarms_are_cleared() -> None:
    line(*FAULTED, POWER_RAISED).when(replace(CLEAR, at=after(minutes=1), received=after(minutes=1))).then(
        replace(ALARM_CLEARED, at=after(minutes=1), received=after(minutes=1))
    )


def test_the_last_cleared_alarm_is_the_recovery() -> None:
    clear = Clear(NUMBER, "noc-west", "power", "e4", after(minutes=2), after(minutes=2), RULES)

    line(*FAULTED, POWER_RAISED, ALARM_CLEARED).when(clear).then(
        AlarmCleared("noc-west|power", "noc-west", "e4", after(minutes=2), after(minutes=2)),
        LineRecovered(NUMBER, FAULT, NOON, after(minutes=2)),
    )


def test_the_same_alarm_name_at_two_sources_is_two_alarms() -> None:
    line(*FAULTED).when(replace(RAISE, source="noc-east")).then(
        replace(ALARM_RAISED, key="noc-east|los", source="noc-east")
    )


def test_a_graver_alarm_makes_the_fault_worse() -> None:
    line(*FAULTED).when(replace(POWER, severity="critical")).then(
        replace(POWER_RAISED, severity="critical"), LINE_FAULT_WORSENED
    )


def test_an_alarm_that_gets_graver_makes_the_fault_worse() -> None:
    line(*FAULTED).when(replace(RAISE, severity="critical", at=LATER, received=LATER)).then(
        replace(ALARM_RAISED, severity="critical", at=LATER, received=LATER), LINE_FAULT_WORSENED
    )


def test_an_alarm_that_gets_slighter_leaves_the_fault_as_it_is() -> None:
    line(*FAULTED).when(replace(RAISE, severity="minor", at=LATER, received=LATER)).then(
        replace(ALARM_RAISED, severity="minor", at=LATER, received=LATER)
    )


def test_a_recovery_is_never_before_its_fault() -> None:
    hour_ago = NOON - timedelta(hours=1)
    power = replace(POWER_RAISED, since=hour_ago, at=hour_ago, received=hour_ago)
    clear = Clear(NUMBER, "noc-west", "power", "e4", NOON - timedelta(minutes=1), LATER, RULES)

    line(*FAULTED, power, replace(ALARM_CLEARED, at=NOON)).when(clear).then(
        AlarmCleared("noc-west|power", "noc-west", "e4", clear.at, LATER), LineRecovered(NUMBER, FAULT, NOON, NOON)
    )


# What makes no fault.


def test_planned_work_makes_no_fault() -> None:
    line().when(replace(RAISE, planned=True)).then(replace(ALARM_RAISED, planned=True))


def test_the_end_of_planned_work_is_no_recovery() -> None:
    line(replace(ALARM_RAISED, planned=True)).when(CLEAR).then(ALARM_CLEARED)


def test_a_fault_during_planned_work_is_a_fault() -> None:
    line(replace(ALARM_RAISED, planned=True)).when(POWER).then(POWER_RAISED, replace(LINE_FAULTED, since=LATER))


def test_an_alarm_that_turns_out_to_be_planned_is_no_fault_any_more() -> None:
    line(*FAULTED).when(replace(RAISE, planned=True, at=LATER, received=LATER)).then(
        replace(ALARM_RAISED, planned=True, at=LATER, received=LATER), LINE_RECOVERED
    )


def test_an_alarm_below_the_least_severity_makes_no_fault() -> None:
    line().when(replace(RAISE, severity="warning")).then(replace(ALARM_RAISED, severity="warning", slight=True))


def test_a_slight_alarm_that_gets_graver_makes_a_fault_since_it_was_raised() -> None:
    slight = replace(ALARM_RAISED, severity="warning", slight=True)

    line(slight).when(replace(RAISE, at=LATER, received=LATER)).then(
        replace(ALARM_RAISED, at=LATER, received=LATER), LINE_FAULTED
    )


def test_an_alarm_that_sinks_below_the_least_severity_ends_the_fault() -> None:
    line(*FAULTED).when(replace(RAISE, severity="warning", at=LATER, received=LATER)).then(
        replace(ALARM_RAISED, severity="warning", slight=True, at=LATER, received=LATER), LINE_RECOVERED
    )


# What is kept.


def test_a_line_remembers_its_newest_cleared_alarms_only() -> None:
    clears = [
        Clear(NUMBER, "noc-west", f"a{place}", f"e{place}", NOON, NOON, RULES) for place in range(MOST_CLEARED + 5)
    ]
    state = DECIDER.initial
    for clear in clears:
        state = DECIDER.fold(DECIDER.decide(clear, state), state)

    assert list(state.cleared) == [f"noc-west|a{place}" for place in range(5, MOST_CLEARED + 5)]


def test_names_that_hold_the_separator_stay_apart() -> None:
    assert joined("a|b", "c") != joined("a", "b|c")


def test_a_line_survives_being_kept_as_a_snapshot() -> None:
    state = line(*RECOVERED, POWER_RAISED).state

    assert msgspec.convert(msgspec.to_builtins(state), Line) == state


def test_a_worse_fault_keeps_its_name_and_its_beginning() -> None:
    fault = line(*FAULTED, LineFaultWorsened(NUMBER, FAULT, "critical", "", NOON)).state.fault

    assert fault
    assert (fault.fault_id, fault.severity, fault.since) == (FAULT, "critical", NOON)


def test_a_raise_names_its_alarm() -> None:
    raised = DECIDER.decide(replace(RAISE, alarm=""), DECIDER.initial)[0]

    assert isinstance(raised, AlarmRaised)
    assert raised.key == "noc-west|"


# Flapping.


def down(second: float, seconds: float | None = None) -> Raise:
    """At such a second it went down, of which we heard then or at another."""
    at, received = (NOON + timedelta(seconds=one) for one in (second, second if seconds is None else seconds))
    return replace(RAISE, message_id=f"d{second}", at=at, received=received)


def up(second: float) -> Clear:
    at = NOON + timedelta(seconds=second)
    return replace(CLEAR, message_id=f"u{second}", at=at, received=at)


def told(*commands: Raise | Clear | Wake | LeaveArea | EndLine) -> tuple[Line, list[object]]:
    """The line after all of these, and what was said of it in public."""
    line, events = DECIDER.initial, list[object]()
    for command in commands:
        new = DECIDER.decide(command, line)
        line = DECIDER.fold(new, line)
        events += new
    return line, [event for event in events if isinstance(event, EVENTS)]


def names(events: list[object]) -> list[str]:
    return [type(event).__name__ for event in events]


def wake(second: float) -> Wake:
    return Wake(NOON + timedelta(seconds=second))


SLOWLY = (down(0), up(10), down(20))


def test_three_changes_are_no_flapping() -> None:
    assert names(told(*SLOWLY)[1]) == ["LineFaulted", "LineRecovered", "LineFaulted"]


def test_the_fourth_change_is_flapping_and_the_line_stays_faulted() -> None:
    line, said = told(*SLOWLY, up(30))

    assert said[3:] == [LineFlapping(NUMBER, f"{NUMBER}-2", 4, NOON + timedelta(seconds=20))]
    assert line.fault is not None


def test_four_changes_in_more_than_the_time_are_no_flapping() -> None:
    assert names(told(*SLOWLY, up(301))[1])[3:] == ["LineRecovered"]


def test_a_fourth_change_that_is_a_fault_is_said_before_the_flapping() -> None:
    _, said = told(down(-1000), up(0), down(10), up(20), down(30))

    assert names(said)[-2:] == ["LineFaulted", "LineFlapping"]


def test_nothing_is_said_while_the_line_is_flapping() -> None:
    worse = replace(down(45), severity="critical")

    _, said = told(*SLOWLY, up(30), down(40), worse, up(50), wake(90), wake(109.9))

    assert names(said)[4:] == []


def test_a_flapping_line_that_is_well_has_recovered_when_it_was_still_for_long_enough() -> None:
    line, said = told(*SLOWLY, up(30), down(40), up(50), wake(110))

    assert said[4:] == [
        LineRecovered(NUMBER, f"{NUMBER}-2", NOON + timedelta(seconds=20), NOON + timedelta(seconds=50))
    ]
    assert (line.fault, line.flapping) == (None, False)


def test_a_flapping_line_that_stays_down_keeps_its_fault_and_says_what_is_new() -> None:
    line, said = told(*SLOWLY, up(30), replace(down(40), severity="critical"), wake(100))

    assert names(said)[4:] == ["LineFaultWorsened"]
    assert line.fault is not None
    assert not line.flapping


def test_after_the_flapping_changes_are_counted_anew() -> None:
    _, said = told(*SLOWLY, up(30), wake(90), down(100), up(110))

    assert names(said)[4:] == ["LineRecovered", "LineFaulted", "LineRecovered"]


def test_a_line_that_wakes_twice_says_it_once() -> None:
    _, said = told(*SLOWLY, up(30), wake(90), wake(91))

    assert names(said)[4:] == ["LineRecovered"]


def test_a_contract_that_ends_ends_the_flapping() -> None:
    line, said = told(*SLOWLY, up(30), EndLine(NUMBER, NOON + timedelta(seconds=40)))

    assert names(said)[4:] == ["LineRecovered"]
    assert not line.flapping


def test_a_thousand_changes_in_ten_seconds_are_one_fault_and_one_recovery() -> None:
    flaps = [one for place in range(500) for one in (down(place / 50), up(place / 50 + 0.01))]

    _, said = told(*flaps, wake(75))

    assert names(said) == ["LineFaulted", "LineFlapping", "LineRecovered"]


def test_a_recovery_that_follows_its_fault_at_once_has_to_last_before_it_is_said() -> None:
    assert names(told(down(0), up(0.5), wake(1.4))[1]) == ["LineFaulted"]
    assert names(told(down(0), up(0.5), wake(1.5))[1]) == ["LineFaulted", "LineRecovered"]


def test_a_recovery_that_does_not_last_is_never_said() -> None:
    _, said = told(down(0), up(0.5), down(0.7), wake(1.5), up(400))

    assert names(said) == ["LineFaulted", "LineRecovered"]


def test_an_alarm_of_planned_work_does_not_end_the_wait() -> None:
    planned = replace(down(0), alarm="works", planned=True)

    _, said = told(planned, down(0), up(0.5), replace(up(0.7), alarm="works"))

    assert names(said) == ["LineFaulted"]


def test_a_line_that_is_looked_at_too_early_asks_for_one_more_look() -> None:
    line, _ = told(*SLOWLY, up(30))
    quiet_until = NOON + timedelta(seconds=90)

    first = DECIDER.decide(wake(60), line)

    assert first == [StillKept(quiet_until)]
    assert wake_at(first[0], line) == quiet_until
    assert DECIDER.decide(wake(61), DECIDER.fold(first, line)) == []


def test_a_line_wants_to_be_looked_at_when_what_was_kept_may_be_said() -> None:
    assert wake_at(ChangeKept(NOON, LATER), Line()) == LATER
    assert wake_at(LINE_FAULTED, Line()) is None


def test_alarms_that_were_stored_without_our_time_are_no_changes() -> None:
    old = replace(ALARM_RAISED, received=None)

    assert line(old, LINE_FAULTED).state.changes == ()


# Areas.


def test_a_line_that_leaves_an_area_is_rid_of_the_areas_alarms() -> None:
    _, said = told(replace(down(0), area="north"), LeaveArea(NUMBER, "north", NOON + timedelta(seconds=60), RULES))

    assert names(said) == ["LineFaulted", "LineRecovered"]


def test_a_line_that_leaves_an_area_keeps_its_own_alarms() -> None:
    _, said = told(down(0), LeaveArea(NUMBER, "north", NOON + timedelta(seconds=60), RULES))

    assert names(said) == ["LineFaulted"]
