from dataclasses import replace

import msgspec
import pytest

from chassis.testing import NOON, Given, given
from contracts.bulkforward import (
    BulkForwardAutomationChanged,
    BulkForwardAutoStartSkipped,
    BulkForwardAutoStopSkipped,
    BulkForwardEntriesChanged,
    BulkForwardStarted,
    BulkForwardStopped,
)
from services.bulkforward.model import (
    DECIDER,
    MOST_ENTRIES,
    ContractNoted,
    DropEntry,
    EditPlan,
    FaultNoted,
    NoteContract,
    NoteFault,
    NoteRecovery,
    Plan,
    RecoveryNoted,
    SetEntry,
)
from services.bulkforward.tests.examples import (
    AUTOMATION_OFF,
    CONTRACTED,
    DROP_ENTRY,
    EDIT,
    ENDED,
    ENTRIES,
    ENTRIES_CHANGED,
    FAULT,
    FAULT_NOTED,
    LATER,
    MOBILE,
    NEXT_FAULT,
    NOTE_CONTRACT,
    NOTE_FAULT,
    NOTE_RECOVERY,
    NOTE_SLIGHT_FAULT,
    NOTE_WORSE,
    NUMBER,
    OFFICE,
    OTHER,
    RECOVERY_NOTED,
    SET_ENTRY,
    SLIGHT_FAULT_NOTED,
    START,
    START_SKIPPED,
    STARTED_BY_FAULT,
    STARTED_BY_HAND,
    STOP,
    STOPPED_BY_HAND,
    STOPPED_BY_RECOVERY,
    at_line,
)

READY = (CONTRACTED, ENTRIES_CHANGED)
FORWARDED_BY_FAULT = (*READY, FAULT_NOTED, STARTED_BY_FAULT)
FORWARDED_BY_HAND = (*READY, STARTED_BY_HAND)


def plan(*events: object) -> Given[Plan]:
    return given(DECIDER, *events)


# The contract.


def test_a_contract_is_noted() -> None:
    plan().when(NOTE_CONTRACT).then(CONTRACTED)


def test_the_same_news_of_a_contract_changes_nothing() -> None:
    plan(CONTRACTED).when(NOTE_CONTRACT).then()


def test_older_news_of_a_contract_change_nothing() -> None:
    plan(ENDED).when(NOTE_CONTRACT).then()


def test_a_number_that_left_the_contract_takes_its_entry_along() -> None:
    changed = NoteContract(NUMBER, True, (NUMBER,), "0000000003.0000")
    both = BulkForwardEntriesChanged(NUMBER, {NUMBER: OFFICE, OTHER: MOBILE})

    plan(CONTRACTED, both, STARTED_BY_HAND).when(changed).then(
        ContractNoted(NUMBER, True, (NUMBER,), "0000000003.0000"),
        BulkForwardEntriesChanged(NUMBER, ENTRIES, removed=(OTHER,), running=True),
    )


def test_forwarding_stops_when_its_last_number_leaves_the_contract() -> None:
    changed = NoteContract(NUMBER, True, (OTHER,), "0000000003.0000")

    plan(*FORWARDED_BY_HAND).when(changed).then(
        ContractNoted(NUMBER, True, (OTHER,), "0000000003.0000"),
        BulkForwardEntriesChanged(NUMBER, {}, removed=(NUMBER,), running=True),
        BulkForwardStopped(NUMBER, ENTRIES, "contract-ended"),
    )


def test_forwarding_stops_when_the_option_ends_and_the_entries_stay() -> None:
    changed = NoteContract(NUMBER, False, (NUMBER, OTHER), "0000000003.0000")

    plan(*FORWARDED_BY_FAULT).when(changed).then(
        ContractNoted(NUMBER, False, (NUMBER, OTHER), "0000000003.0000"),
        BulkForwardStopped(NUMBER, ENTRIES, "contract-ended"),
    )


def test_a_contract_that_ends_takes_everything_along() -> None:
    changed = NoteContract(NUMBER, False, (), "0000000002.0000")

    plan(*FORWARDED_BY_HAND).when(changed).then(
        ENDED,
        BulkForwardEntriesChanged(NUMBER, {}, removed=(NUMBER,), running=True),
        BulkForwardStopped(NUMBER, ENTRIES, "contract-ended"),
    )


@pytest.mark.parametrize("command", [EDIT, SET_ENTRY, DROP_ENTRY, START, STOP])
def test_without_the_option_there_is_no_plan_for_a_customer(command: object) -> None:
    plan(ENDED).when(command).rejects("not-found")


# Entries.


def test_an_edit_changes_the_entries() -> None:
    plan(CONTRACTED).when(EDIT).then(ENTRIES_CHANGED)


def test_the_same_entries_again_change_nothing() -> None:
    plan(*READY).when(EDIT).then()


def test_an_edit_while_running_takes_effect_at_once_and_keeps_running() -> None:
    moved = {NUMBER: MOBILE}

    plan(*FORWARDED_BY_HAND).when(EditPlan(moved, None, None)).then(
        BulkForwardEntriesChanged(NUMBER, moved, running=True)
    )


def test_entries_are_kept_in_the_order_of_their_numbers() -> None:
    entries = {OTHER: MOBILE, NUMBER: OFFICE}

    changed = DECIDER.decide(EditPlan(entries, None, None), plan(CONTRACTED).state)[0]

    assert list(changed.entries) == [NUMBER, OTHER]


def test_taking_all_entries_away_stops_forwarding() -> None:
    plan(*FORWARDED_BY_HAND).when(EditPlan({}, None, None)).then(
        BulkForwardEntriesChanged(NUMBER, {}, removed=(NUMBER,), running=True),
        BulkForwardStopped(NUMBER, ENTRIES, "no-entries"),
    )


def test_one_entry_is_added_to_the_others() -> None:
    plan(*READY).when(SET_ENTRY).then(BulkForwardEntriesChanged(NUMBER, {NUMBER: OFFICE, OTHER: MOBILE}))


def test_one_entry_is_changed() -> None:
    plan(*READY).when(SetEntry(NUMBER, MOBILE)).then(BulkForwardEntriesChanged(NUMBER, {NUMBER: MOBILE}))


def test_one_entry_is_dropped() -> None:
    plan(*READY).when(DROP_ENTRY).then(BulkForwardEntriesChanged(NUMBER, {}, removed=(NUMBER,)))


def test_dropping_the_last_entry_stops_forwarding() -> None:
    plan(*FORWARDED_BY_FAULT).when(DROP_ENTRY).then(
        BulkForwardEntriesChanged(NUMBER, {}, removed=(NUMBER,), running=True),
        BulkForwardStopped(NUMBER, ENTRIES, "no-entries"),
    )


def test_an_entry_that_is_not_there_cannot_be_dropped() -> None:
    plan(*READY).when(DropEntry(OTHER)).rejects("not-found")


def many(count: int) -> tuple[ContractNoted, dict[str, str]]:
    numbers = tuple(f"06{place:08d}" for place in range(count))
    return ContractNoted(NUMBER, True, numbers, "0000000001.0000"), dict.fromkeys(numbers, OFFICE)


def test_two_hundred_entries_fit() -> None:
    contracted, entries = many(MOST_ENTRIES)

    plan(contracted).when(EditPlan(entries, None, None)).then(BulkForwardEntriesChanged(NUMBER, entries))


def test_two_hundred_and_one_entries_do_not_fit() -> None:
    contracted, entries = many(MOST_ENTRIES + 1)

    plan(contracted).when(EditPlan(entries, None, None)).rejects("too-many-entries", field="entries", most=200)


def fields_of(command: object, *events: object) -> dict[str, str]:
    """Field -> code of what a command is refused for."""
    refusal = plan(*events).when(command).refusal
    return {error.field: error.code for error in refusal.details["errors"]} if refusal else {}


def test_only_numbers_of_the_contract_are_forwarded() -> None:
    stranger = SetEntry("0720001111", OFFICE)

    plan(*READY).when(stranger).rejects("number-not-in-contract")
    assert fields_of(stranger, *READY) == {"entries.0720001111": "number-not-in-contract"}


@pytest.mark.parametrize(
    ("destination", "code"),
    [
        ("", "empty"),
        ("転送先", "not-a-number"),
        ("#7", "service-code"),
        ("*21", "service-code"),
        ("+14155550100", "international"),
        ("0104155550100", "international"),
        ("0033123456789", "carrier-code"),
        ("110", "three-digit-number"),
        ("104", "three-digit-number"),
        ("0120123456", "free-dial"),
        ("08001234567", "free-dial"),
        ("0570123456", "navi-dial"),
        ("0990123456", "premium-rate"),
        ("061234567", "too-short"),
        ("060000111100", "too-long"),
        ("02012345678", "kind-not-allowed"),
        (NUMBER, "own-number"),
    ],
)
def test_a_destination_is_refused_with_its_own_reason(destination: str, code: str) -> None:
    command = SetEntry(NUMBER, destination)

    plan(CONTRACTED).when(command).rejects("destination-not-allowed")
    assert fields_of(command, CONTRACTED) == {f"entries.{NUMBER}": code}


@pytest.mark.parametrize("destination", [OFFICE, MOBILE, "05012345678", "06012345678", "07012345678", "08012345678"])
def test_subscribers_and_mobiles_are_destinations(destination: str) -> None:
    plan(CONTRACTED).when(SetEntry(NUMBER, destination)).then(BulkForwardEntriesChanged(NUMBER, {NUMBER: destination}))


def test_two_numbers_may_not_be_forwarded_to_each_other() -> None:
    circle = EditPlan({NUMBER: OTHER, OTHER: NUMBER}, None, None)

    plan(CONTRACTED).when(circle).rejects("destination-not-allowed")
    assert fields_of(circle, CONTRACTED) == {f"entries.{NUMBER}": "loop", f"entries.{OTHER}": "loop"}


def test_a_new_entry_may_not_close_a_loop() -> None:
    forward = BulkForwardEntriesChanged(NUMBER, {NUMBER: OTHER})

    assert fields_of(SetEntry(OTHER, NUMBER), CONTRACTED, forward) == {f"entries.{OTHER}": "loop"}


def test_a_number_may_be_forwarded_to_one_that_is_forwarded_on() -> None:
    chain = {NUMBER: OTHER, OTHER: OFFICE}

    plan(CONTRACTED).when(EditPlan(chain, None, None)).then(BulkForwardEntriesChanged(NUMBER, chain))


def test_every_refused_destination_is_named() -> None:
    command = EditPlan({NUMBER: "110", OTHER: "0120123456"}, None, None)

    assert fields_of(command, CONTRACTED) == {
        f"entries.{NUMBER}": "three-digit-number",
        f"entries.{OTHER}": "free-dial",
    }


def test_an_old_entry_that_would_be_refused_today_keeps_nobody_from_mending_another() -> None:
    old = BulkForwardEntriesChanged(NUMBER, {NUMBER: "0120123456"})

    plan(CONTRACTED, old).when(SET_ENTRY).then(BulkForwardEntriesChanged(NUMBER, {NUMBER: "0120123456", OTHER: MOBILE}))


# Automation.


@pytest.mark.parametrize(("start", "stop"), [(False, False), (False, True), (True, False)])
def test_each_automation_is_switched_by_itself(start: bool, stop: bool) -> None:
    plan(*READY).when(EditPlan(ENTRIES, start, stop)).then(BulkForwardAutomationChanged(NUMBER, start, stop))


def test_an_automation_that_is_not_named_stays() -> None:
    plan(*READY, AUTOMATION_OFF).when(EditPlan(ENTRIES, None, True)).then(
        BulkForwardAutomationChanged(NUMBER, False, True)
    )


# By hand.


def test_a_start_by_hand_forwards_all_entries() -> None:
    plan(*READY).when(START).then(replace(STARTED_BY_HAND, since=LATER))


def test_a_start_needs_an_entry() -> None:
    plan(CONTRACTED).when(START).rejects("no-entries", field="entries")


def test_a_second_start_by_hand_changes_nothing() -> None:
    plan(*FORWARDED_BY_HAND).when(START).then()


def test_a_start_by_hand_takes_over_what_a_fault_started() -> None:
    plan(*FORWARDED_BY_FAULT).when(START).then(STARTED_BY_HAND)


def test_a_stop_by_hand_stops() -> None:
    plan(*FORWARDED_BY_HAND).when(STOP).then(STOPPED_BY_HAND)


def test_a_stop_of_what_does_not_run_changes_nothing() -> None:
    plan(*READY).when(STOP).then()


# Faults.


def test_a_fault_starts_forwarding() -> None:
    plan(*READY).when(NOTE_FAULT).then(FAULT_NOTED, STARTED_BY_FAULT)


def test_the_same_fault_starts_it_once() -> None:
    plan(*FORWARDED_BY_FAULT).when(NOTE_FAULT).then()


def test_a_fault_that_gets_worse_starts_nothing_anew() -> None:
    plan(*FORWARDED_BY_FAULT, STOPPED_BY_HAND).when(NOTE_WORSE).then()


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ((), "not-contracted"),
        (FORWARDED_BY_HAND, "already-running"),
        ((*READY, AUTOMATION_OFF), "switched-off"),
        ((CONTRACTED,), "no-entries"),
    ],
)
def test_a_fault_that_starts_nothing_says_why(events: tuple[object, ...], reason: str) -> None:
    plan(*events).when(NOTE_FAULT).then(FAULT_NOTED, replace(START_SKIPPED, reason=reason))  # type: ignore[arg-type]


def test_a_slight_fault_starts_nothing() -> None:
    plan(*READY).when(NOTE_SLIGHT_FAULT).then(
        SLIGHT_FAULT_NOTED, BulkForwardAutoStartSkipped(NUMBER, FAULT, "minor-fault")
    )


def test_a_slight_fault_that_gets_worse_starts_forwarding() -> None:
    plan(*READY, SLIGHT_FAULT_NOTED).when(NOTE_WORSE).then(
        FaultNoted(FAULT, False, at_line(2)), BulkForwardStarted(NUMBER, ENTRIES, "fault", LATER, FAULT)
    )


def test_a_slight_fault_that_stays_slight_is_no_news() -> None:
    plan(*READY, SLIGHT_FAULT_NOTED).when(replace(NOTE_SLIGHT_FAULT, sequence=at_line(2))).then()


def test_a_stop_by_hand_is_not_undone_by_the_same_fault() -> None:
    plan(*FORWARDED_BY_FAULT, STOPPED_BY_HAND).when(NOTE_FAULT).then()


def test_a_stop_by_hand_is_not_undone_when_a_slight_fault_gets_worse() -> None:
    plan(*READY, SLIGHT_FAULT_NOTED, STARTED_BY_HAND, STOPPED_BY_HAND).when(NOTE_WORSE).then()


def test_the_next_fault_starts_it_again_after_a_stop_by_hand() -> None:
    next_fault = NoteFault(NUMBER, NEXT_FAULT, True, LATER, at_line(3))

    plan(*FORWARDED_BY_FAULT, STOPPED_BY_HAND, RECOVERY_NOTED).when(next_fault).then(
        FaultNoted(NEXT_FAULT, False, at_line(3)), BulkForwardStarted(NUMBER, ENTRIES, "fault", LATER, NEXT_FAULT)
    )


def test_a_fault_that_arrives_after_its_recovery_starts_nothing() -> None:
    plan(*READY, RECOVERY_NOTED).when(NOTE_FAULT).then()


def test_an_old_fault_that_is_replayed_starts_nothing() -> None:
    plan(*FORWARDED_BY_FAULT, RECOVERY_NOTED, STOPPED_BY_RECOVERY).when(NOTE_FAULT).then()


# Recoveries.


def test_a_recovery_stops_what_a_fault_started() -> None:
    plan(*FORWARDED_BY_FAULT).when(NOTE_RECOVERY).then(RECOVERY_NOTED, STOPPED_BY_RECOVERY)


def test_the_same_recovery_stops_it_once() -> None:
    plan(*FORWARDED_BY_FAULT, RECOVERY_NOTED, STOPPED_BY_RECOVERY).when(NOTE_RECOVERY).then()


def test_manual_start_survives_a_recovery() -> None:
    plan(*FORWARDED_BY_HAND, FAULT_NOTED).when(NOTE_RECOVERY).then(
        RECOVERY_NOTED, BulkForwardAutoStopSkipped(NUMBER, FAULT, "started-by-hand")
    )


def test_what_a_hand_took_over_survives_the_recovery() -> None:
    plan(*FORWARDED_BY_FAULT, STARTED_BY_HAND).when(NOTE_RECOVERY).then(
        RECOVERY_NOTED, BulkForwardAutoStopSkipped(NUMBER, FAULT, "started-by-hand")
    )


def test_a_recovery_of_what_was_stopped_by_hand_says_that_nothing_ran() -> None:
    plan(*FORWARDED_BY_FAULT, STOPPED_BY_HAND).when(NOTE_RECOVERY).then(
        RECOVERY_NOTED, BulkForwardAutoStopSkipped(NUMBER, FAULT, "not-running")
    )


def test_a_recovery_stops_nothing_where_automatic_stop_is_off() -> None:
    plan(*FORWARDED_BY_FAULT, AUTOMATION_OFF).when(NOTE_RECOVERY).then(
        RECOVERY_NOTED, BulkForwardAutoStopSkipped(NUMBER, FAULT, "switched-off")
    )


def test_what_an_earlier_fault_started_is_stopped_by_the_last_recovery() -> None:
    kept_on = (*FORWARDED_BY_FAULT, AUTOMATION_OFF, RECOVERY_NOTED)
    again = (BulkForwardAutomationChanged(NUMBER, True, True), FaultNoted(NEXT_FAULT, False, at_line(3)))

    plan(*kept_on, *again).when(NoteRecovery(NUMBER, NEXT_FAULT, at_line(4))).then(
        RecoveryNoted(NEXT_FAULT, at_line(4)), BulkForwardStopped(NUMBER, ENTRIES, "recovery", NEXT_FAULT)
    )


def test_a_recovery_whose_fault_was_never_heard_of_is_answered() -> None:
    plan(*READY).when(NOTE_RECOVERY).then(RECOVERY_NOTED, BulkForwardAutoStopSkipped(NUMBER, FAULT, "not-running"))


def test_a_plan_survives_being_kept_as_a_snapshot() -> None:
    state = plan(*FORWARDED_BY_FAULT, AUTOMATION_OFF).state

    assert msgspec.convert(msgspec.to_builtins(state), Plan) == state


def test_forwarding_runs_since_the_news_of_the_fault() -> None:
    running = plan(*FORWARDED_BY_FAULT).state.running

    assert running
    assert running.since == NOON
