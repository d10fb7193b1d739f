"""When a notice is owed, and what it says. How a mail is delivered stands in `test_mail.py`."""

from dataclasses import replace

import msgspec
import pytest

from chassis.testing import NOON, Given, given
from contracts.notify import MailQueued
from contracts.switched import SwitchedOn
from services.notify.model.incident import (
    FaultHeard,
    FlappingHeard,
    ForwardingHeard,
    RecoveryHeard,
    StillWaiting,
    mail_id_of,
)
from services.notify.model.notice import (
    DECIDER,
    EditNotice,
    HearFlapping,
    HearForwarding,
    HearRecovery,
    NoteContract,
    Notice,
    TryOut,
    Wake,
    wake_at,
)
from services.notify.tests.examples import (
    ANNE,
    BEN,
    CONTRACTED,
    CONTRACTOR,
    ENDED,
    FAULT,
    FAULT_HEARD,
    HEAR_FAULT,
    HEAR_NEXT_FAULT,
    HEAR_RECOVERY,
    HEAR_START,
    HEAR_STOP,
    NEXT,
    NEXT_FAULT,
    NOTE_CONTRACT,
    NUMBER,
    OVER,
    RECOVERY_HEARD,
    SITE,
    START,
    START_HEARD,
    STARTED,
    STILL_WAITING,
    STOP,
    STOP_HEARD,
    STOPPED,
    TRY_OUT,
    WAIT,
    WAKE,
    at_line,
    fault_mail,
    recovery_mail,
    trial_mail,
)

ON = (CONTRACTED, STARTED)
FAULT_MAILS = (fault_mail(ANNE), fault_mail(BEN))
RECOVERY_MAILS = (recovery_mail(ANNE), recovery_mail(BEN))
TOLD = (*ON, FAULT_HEARD, START_HEARD, *FAULT_MAILS)
NEXT_HEARD = FaultHeard(NEXT_FAULT, "major", NEXT, NEXT + WAIT, at_line(3))


def notice(*events: object) -> Given[Notice]:
    return given(DECIDER, *events)


def unknown(*mails: MailQueued) -> tuple[MailQueued, ...]:
    """The mails as they are when nothing was heard of bulk forwarding."""
    return tuple(replace(mail, forwarding="unknown", entries=0) for mail in mails)


# The contract.


def test_a_contract_is_noted() -> None:
    notice().when(NOTE_CONTRACT).then(CONTRACTED)


def test_the_same_news_of_a_contract_changes_nothing() -> None:
    notice(CONTRACTED).when(NOTE_CONTRACT).then()


def test_older_news_of_a_contract_change_nothing() -> None:
    notice(ENDED).when(NOTE_CONTRACT).then()


def test_the_notice_stops_when_the_option_ends() -> None:
    ended = NoteContract(NUMBER, False, "", "", "0000000002.0000")

    notice(*ON).when(ended).then(ENDED, STOPPED)


def test_name_and_site_are_the_contracts_at_first() -> None:
    state = notice(CONTRACTED).state

    assert (state.contractor, state.site) == (CONTRACTOR, SITE)


def test_name_and_site_follow_the_contract_while_nobody_words_them() -> None:
    renamed = replace(CONTRACTED, contractor="株式会社つなぐ西", sequence="0000000002.0000")

    state = notice(CONTRACTED, STARTED, renamed).state

    assert (state.contractor, state.site) == ("株式会社つなぐ西", SITE)


def test_the_customers_own_words_stay_when_the_contract_changes() -> None:
    own = replace(STARTED, contractor="つなぐ商店", site="")
    renamed = replace(CONTRACTED, contractor="株式会社つなぐ西", site="西店", sequence="0000000002.0000")

    state = notice(CONTRACTED, own, renamed).state

    assert (state.contractor, state.site) == ("つなぐ商店", "")


# Settings.


def test_a_notice_is_started_with_its_addresses() -> None:
    notice(CONTRACTED).when(START).then(STARTED)


def test_a_notice_is_stopped_and_keeps_its_addresses() -> None:
    notice(*ON).when(STOP).then(STOPPED)


def test_it_is_told_since_when_a_notice_is_on_and_who_started_it() -> None:
    first, later = SwitchedOn(NOON, "customer"), SwitchedOn(OVER, "operator")
    started = replace(STARTED, on=first)

    notice(CONTRACTED).when(replace(START, now=first)).then(started)
    notice(CONTRACTED, started).when(replace(START, now=later)).then()
    notice(CONTRACTED, started).when(replace(STOP, now=later)).then(STOPPED)
    notice(CONTRACTED, started).when(NoteContract(NUMBER, False, "", "", ENDED.sequence)).then(ENDED, STOPPED)
    site = EditNotice(None, None, "支店", None, now=later)
    notice(CONTRACTED, started).when(site).then(replace(started, site="支店"))


def test_what_is_not_named_stays() -> None:
    notice(*ON).when(EditNotice(None, None, "支店", None)).then(replace(STARTED, site="支店"))


def test_the_same_settings_again_change_nothing() -> None:
    notice(*ON).when(START).then()


def test_a_notice_without_addresses_cannot_be_started() -> None:
    notice(CONTRACTED).when(EditNotice(True, None, None, None)).rejects("no-addresses", field="addresses")


def test_a_started_notice_keeps_an_address() -> None:
    notice(*ON).when(EditNotice(None, None, None, ())).rejects("no-addresses")


def test_addresses_may_go_with_the_stop() -> None:
    notice(*ON).when(EditNotice(False, None, None, ())).then(replace(STOPPED, addresses=()))


def test_ten_addresses_fit() -> None:
    ten = tuple(f"a{place}@example.jp" for place in range(10))

    notice(CONTRACTED).when(EditNotice(True, None, None, ten)).then(replace(STARTED, addresses=ten))


def test_eleven_addresses_do_not_fit() -> None:
    eleven = tuple(f"a{place}@example.jp" for place in range(11))

    notice(CONTRACTED).when(EditNotice(True, None, None, eleven)).rejects("too-many-addresses", most=10)


def test_without_the_option_there_are_no_settings() -> None:
    notice(ENDED).when(START).rejects("not-found")


def test_to_save_an_address_that_is_refused_is_a_change_also_where_the_settings_stay() -> None:
    notice(*ON).when(replace(START, refused=frozenset({ANNE}))).then(STARTED)


# The test mail.


@pytest.mark.parametrize("settings", [STARTED, STOPPED])
def test_a_test_mail_goes_to_each_address_whether_or_not_the_notice_is_on(settings: object) -> None:
    notice(CONTRACTED, settings).when(TRY_OUT).then(trial_mail(ANNE), trial_mail(BEN))


def test_a_test_mail_changes_nothing() -> None:
    assert notice(*TOLD, trial_mail(ANNE)).state == notice(*TOLD).state


def test_each_wish_makes_mails_of_its_own() -> None:
    wishes = [notice(*ON).when(TryOut(trial_id)).events for trial_id in ("t-1", "t-2")]

    assert len({mail.mail_id for mails in wishes for mail in mails}) == 4


def test_without_addresses_nobody_gets_a_test_mail() -> None:
    notice(CONTRACTED).when(TRY_OUT).rejects("no-addresses", field="addresses")


def test_without_the_option_there_is_no_test_mail() -> None:
    notice(*ON, ENDED).when(TRY_OUT).rejects("not-found")


# A fault.


def test_a_fault_waits_for_what_forwarding_does() -> None:
    notice(*ON).when(HEAR_FAULT).then(FAULT_HEARD)


def test_the_stream_is_looked_at_when_the_waiting_is_over() -> None:
    waiting = DECIDER.fold([*ON, FAULT_HEARD])
    over = DECIDER.fold([*ON, FAULT_HEARD, START_HEARD, *FAULT_MAILS, RECOVERY_HEARD])

    assert wake_at(FAULT_HEARD, waiting) == NOON + WAIT
    assert wake_at(RECOVERY_HEARD, over) == wake_at(STILL_WAITING, over) == OVER + WAIT
    assert wake_at(START_HEARD, waiting) is None


def test_nobody_looks_again_at_what_is_told_at_once() -> None:
    told = DECIDER.fold([*ON, START_HEARD, FAULT_HEARD, *FAULT_MAILS])

    assert wake_at(FAULT_HEARD, told) is None


def test_each_address_gets_one_mail_when_forwarding_has_started() -> None:
    notice(*ON, FAULT_HEARD).when(HEAR_START).then(START_HEARD, *FAULT_MAILS)


def test_what_forwarding_did_may_come_before_the_fault() -> None:
    notice(*ON, START_HEARD).when(HEAR_FAULT).then(FAULT_HEARD, *FAULT_MAILS)


def test_when_nothing_is_heard_in_time_the_mail_goes_without() -> None:
    notice(*ON, FAULT_HEARD).when(WAKE).then(*unknown(*FAULT_MAILS))


def test_looked_at_too_early_it_waits_on() -> None:
    notice(*ON, FAULT_HEARD).when(Wake(NOON + WAIT / 2)).then(StillWaiting(FAULT, NOON + WAIT))


def test_looked_at_when_all_is_told_nothing_happens() -> None:
    notice(*TOLD).when(WAKE).then()


def test_looked_at_without_any_fault_nothing_happens() -> None:
    notice(*ON).when(WAKE).then()


@pytest.mark.parametrize(
    ("result", "reason"),
    [("running", "already-running"), ("not-running", "switched-off"), ("not-running", "no-entries")],
)
def test_a_mail_tells_why_forwarding_did_nothing(result: str, reason: str) -> None:
    skipped = HearForwarding(FAULT, "fault", result, reason, 0)  # type: ignore[arg-type]
    heard = ForwardingHeard(FAULT, "fault", result, reason, 0)  # type: ignore[arg-type]

    notice(*ON, FAULT_HEARD).when(skipped).then(
        heard,
        *(replace(mail, forwarding=result, reason=reason, entries=0) for mail in FAULT_MAILS),  # type: ignore[arg-type]
    )


def test_the_same_fault_again_changes_nothing() -> None:
    notice(*TOLD).when(HEAR_FAULT).then()


def test_the_same_outcome_again_changes_nothing() -> None:
    notice(*TOLD).when(HEAR_START).then()


def test_an_outcome_that_comes_after_the_mail_makes_no_second_one() -> None:
    notice(*ON, FAULT_HEARD, *unknown(*FAULT_MAILS)).when(HEAR_START).then(START_HEARD)


def test_what_forwarding_did_about_another_fault_tells_nothing() -> None:
    other = HearForwarding(NEXT_FAULT, "fault", "started", "", 1)

    notice(*ON, FAULT_HEARD).when(other).then(ForwardingHeard(NEXT_FAULT, "fault", "started", "", 1))


@pytest.mark.parametrize("command", [HEAR_FAULT, HEAR_RECOVERY, HEAR_START, HEAR_STOP, WAKE])
def test_a_stopped_notice_tells_nothing(command: object) -> None:
    notice(CONTRACTED, STOPPED).when(command).then()


@pytest.mark.parametrize("command", [HEAR_START, HEAR_RECOVERY, WAKE])
def test_a_notice_that_is_stopped_during_a_fault_tells_no_more_of_it(command: object) -> None:
    notice(*ON, FAULT_HEARD, STOPPED).when(command).then()


def test_a_notice_that_was_stopped_and_started_tells_from_the_next_fault_on() -> None:
    notice(*TOLD, STOPPED, STARTED).when(HEAR_RECOVERY).then()


# A recovery.


def test_a_recovery_waits_for_what_forwarding_does() -> None:
    notice(*TOLD).when(HEAR_RECOVERY).then(RECOVERY_HEARD)


def test_each_address_gets_an_answer_to_its_fault_mail() -> None:
    notice(*TOLD, RECOVERY_HEARD).when(HEAR_STOP).then(STOP_HEARD, *RECOVERY_MAILS)


def test_what_forwarding_did_may_come_before_the_recovery() -> None:
    notice(*TOLD, STOP_HEARD).when(HEAR_RECOVERY).then(RECOVERY_HEARD, *RECOVERY_MAILS)


def test_when_nothing_is_heard_in_time_the_recovery_mail_goes_without() -> None:
    notice(*TOLD, RECOVERY_HEARD).when(Wake(OVER + WAIT)).then(*unknown(*RECOVERY_MAILS))


def test_the_faults_wake_does_not_end_the_recoverys_waiting() -> None:
    notice(*TOLD, RECOVERY_HEARD).when(Wake(OVER)).then(STILL_WAITING)


def test_a_recovery_does_not_make_the_fault_mail_wait_longer() -> None:
    quick = RecoveryHeard(FAULT, NOON, NOON + 2 * WAIT, at_line(2))

    notice(*ON, FAULT_HEARD, quick).when(WAKE).then(*unknown(*FAULT_MAILS), StillWaiting(FAULT, NOON + 2 * WAIT))


def test_a_recovery_whose_outcome_is_known_is_told_after_its_fault() -> None:
    notice(*ON, FAULT_HEARD, STOP_HEARD).when(HEAR_RECOVERY).then(
        RECOVERY_HEARD, *unknown(*FAULT_MAILS), *RECOVERY_MAILS
    )


def test_the_same_recovery_again_changes_nothing() -> None:
    notice(*TOLD, RECOVERY_HEARD, STOP_HEARD, *RECOVERY_MAILS).when(HEAR_RECOVERY).then()


def test_a_recovery_of_a_fault_that_was_never_heard_of_tells_nothing() -> None:
    notice(*ON).when(HEAR_RECOVERY).then()


def test_a_recovery_of_another_fault_tells_nothing() -> None:
    notice(*TOLD).when(HearRecovery(NEXT_FAULT, OVER, OVER + WAIT, at_line(2))).then()


def test_an_address_that_is_new_since_the_fault_hears_of_the_recovery() -> None:
    added = replace(STARTED, addresses=(ANNE, "carl@example.jp"))
    carls = replace(recovery_mail("carl@example.jp"), answers=None)

    notice(*TOLD, added, RECOVERY_HEARD).when(HEAR_STOP).then(STOP_HEARD, recovery_mail(ANNE), carls)


# The next fault.


def test_the_next_fault_is_another_mail() -> None:
    told = (*TOLD, RECOVERY_HEARD, STOP_HEARD, *RECOVERY_MAILS)

    notice(*told).when(HEAR_NEXT_FAULT).then(NEXT_HEARD)


def test_what_is_owed_of_a_fault_is_told_before_the_next() -> None:
    notice(*ON, FAULT_HEARD, RECOVERY_HEARD).when(HEAR_NEXT_FAULT).then(
        *unknown(*FAULT_MAILS), *unknown(*RECOVERY_MAILS), NEXT_HEARD
    )


def test_an_old_fault_that_is_replayed_is_not_told_again() -> None:
    notice(*TOLD, NEXT_HEARD).when(HEAR_FAULT).then()


def test_outcomes_of_two_faults_that_come_before_both_are_not_lost_for_the_second() -> None:
    outcome = ForwardingHeard(NEXT_FAULT, "fault", "started", "", 1)

    queued = DECIDER.decide(HEAR_NEXT_FAULT, notice(*ON, outcome, FAULT_HEARD, *unknown(*FAULT_MAILS)).state)

    assert [event.forwarding for event in queued if isinstance(event, MailQueued)] == ["started", "started"]


# Ids.


def test_a_mail_id_is_the_same_for_ever() -> None:
    assert mail_id_of(FAULT, "fault", ANNE) == "0600001111-1-fault-" + mail_id_of("", "fault", ANNE)[-16:]


def test_a_mail_id_tells_nobody_the_address() -> None:
    assert "anne" not in mail_id_of(FAULT, "fault", ANNE)


def test_every_mail_has_an_id_of_its_own() -> None:
    ids = {mail_id_of(fault, "fault", to) for fault in (FAULT, NEXT_FAULT) for to in (ANNE, BEN)}

    assert len(ids | {mail_id_of(FAULT, "recovery", ANNE)}) == 5


def test_a_notice_survives_being_kept_as_a_snapshot() -> None:
    state = notice(*TOLD, RECOVERY_HEARD, STOP_HEARD, *RECOVERY_MAILS).state

    assert msgspec.convert(msgspec.to_builtins(state), Notice) == state


# A line that goes up and down.

HEAR_FLAPPING, FLAPPING_HEARD = HearFlapping(FAULT), FlappingHeard(FAULT)
UNSTABLE_MAILS = tuple(replace(mail, unstable=True) for mail in FAULT_MAILS)
UNSTABLE_END = tuple(replace(mail, unstable=True) for mail in RECOVERY_MAILS)


def test_flapping_that_is_heard_in_time_is_told_in_the_fault_mail_alone() -> None:
    notice(*ON, FAULT_HEARD).when(HEAR_FLAPPING).then(FLAPPING_HEARD)
    notice(*ON, FAULT_HEARD, FLAPPING_HEARD).when(HEAR_START).then(START_HEARD, *UNSTABLE_MAILS)
    told = (*ON, FAULT_HEARD, FLAPPING_HEARD, START_HEARD, *UNSTABLE_MAILS)
    notice(*told, RECOVERY_HEARD).when(HEAR_STOP).then(STOP_HEARD, *RECOVERY_MAILS)


def test_flapping_that_is_heard_later_is_told_in_the_recovery_mail() -> None:
    notice(*TOLD).when(HEAR_FLAPPING).then(FLAPPING_HEARD)
    notice(*TOLD, FLAPPING_HEARD, RECOVERY_HEARD).when(HEAR_STOP).then(STOP_HEARD, *UNSTABLE_END)


def test_of_two_mails_that_are_owed_at_once_the_first_tells_of_flapping() -> None:
    heard = (*ON, FAULT_HEARD, FLAPPING_HEARD, START_HEARD, RECOVERY_HEARD)
    notice(*heard).when(HEAR_STOP).then(STOP_HEARD, *UNSTABLE_MAILS, *RECOVERY_MAILS)


@pytest.mark.parametrize("events", [ON, (*ON, FAULT_HEARD, FLAPPING_HEARD), (*TOLD, STOPPED), (*ON, NEXT_HEARD)])
def test_flapping_of_no_fault_that_is_told_of_is_no_news(events: tuple[object, ...]) -> None:
    notice(*events).when(HEAR_FLAPPING).then()
