"""Where a call goes, as a table for whoever knows telephones, and against the specification said once more.

In the table:  mode and select function of a number whose VoiceWarp is started to 090-1234-5678 after 15 seconds; bulk
forwarding sends it to 045-123-4567. `ring` stays until somebody answers.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.testing import NOON
from contracts.voicewarp import Caller, Destination, Mode, Reason, SelectMode, Step
from services.voicewarp.model.routing import Decision, Question, route, sentence
from services.voicewarp.model.setting import Claim, Setting
from services.voicewarp.tests.examples import BRANCH, FIRST, MOBILE, NUMBER, OFFICE

LISTED, UNLISTED, ANONYMOUS = OFFICE, "0664806430", None
CALLERS = {"listed": LISTED, "unlisted": UNLISTED, "anonymous": ANONYMOUS}
SETTING = Setting(
    NUMBER,
    {NUMBER: Claim(held=True, contracted=True, sequence=FIRST)},
    started=True,
    ring_seconds=15,
    destinations=(Destination(MOBILE),),
    active=1,
    callers=(Caller(LISTED, "本社"),),
)

TABLE = """
bulk   mode               select              caller     | now      busy     no answer   reason
------------------------------------------------------------------------------------------------------------------
off    unconditional      off                 any        | mobile   -        -           voicewarp-unconditional
off    no-answer          off                 any        | ring     ring     mobile/15   voicewarp-no-answer
off    busy               off                 any        | ring     mobile   ring        voicewarp-busy
off    no-answer-or-busy  off                 any        | ring     mobile   mobile/15   voicewarp-no-answer-or-busy

off    unconditional      forward-registered  listed     | mobile   -        -           voicewarp-unconditional
off    no-answer          forward-registered  listed     | ring     ring     mobile/15   voicewarp-no-answer
off    busy               forward-registered  listed     | ring     mobile   ring        voicewarp-busy
off    no-answer-or-busy  forward-registered  listed     | ring     mobile   mobile/15   voicewarp-no-answer-or-busy
off    any                forward-registered  unlisted   | ring     ring     ring        caller-not-registered
off    any                forward-registered  anonymous  | ring     ring     ring        caller-anonymous

off    any                ring-registered     listed     | ring     ring     ring        caller-registered
off    unconditional      ring-registered     unlisted   | mobile   -        -           voicewarp-unconditional
off    no-answer          ring-registered     unlisted   | ring     ring     mobile/15   voicewarp-no-answer
off    busy               ring-registered     unlisted   | ring     mobile   ring        voicewarp-busy
off    no-answer-or-busy  ring-registered     unlisted   | ring     mobile   mobile/15   voicewarp-no-answer-or-busy
off    any                ring-registered     anonymous  | ring     ring     ring        caller-anonymous

off    stopped            any                 any        | ring     ring     ring        not-forwarded

on     any                any                 any        | branch   -        -           bulk-forward
on     stopped            any                 any        | branch   -        -           bulk-forward
"""
ROWS = [row.replace("|", "").split() for row in TABLE.strip().splitlines()[2:] if row]
MODES: tuple[Mode, ...] = get_args(Mode)
SELECTS: tuple[SelectMode, ...] = get_args(SelectMode)


def any_of(word: str, all_of: Any) -> Any:
    return all_of if word == "any" else (word,)


CASES = [
    pytest.param(bulk, mode, select, caller, *expected, id=f"{bulk}-{mode}-{select}-{caller}")
    for bulk, modes, selects, callers, *expected in ROWS
    for mode in any_of(modes, MODES)
    for select in any_of(selects, SELECTS)
    for caller in any_of(callers, CALLERS)
]


def decided(bulk: str, mode: Any, select: Any, caller: str) -> Decision:
    started = mode != "stopped"
    setting = replace(SETTING, started=started, mode=mode if started else "unconditional", select=select)
    return route(setting, BRANCH if bulk == "on" else None, CALLERS[caller])


def as_written(step: Step | None) -> str:
    """A step as the table writes it; the telephone rings on where the switch is told nothing else."""
    names = {MOBILE: "mobile", BRANCH: "branch"}
    if step is None or step.to is None:
        return "ring"
    return names[step.to] + (f"/{step.after_seconds}" if step.after_seconds else "")


def test_the_table_has_every_case_once() -> None:
    told = [tuple(case.values[:4]) for case in CASES]

    assert len(told) == len(set(told)) == 2 * (len(MODES) + 1) * len(SELECTS) * len(CALLERS)


@pytest.mark.parametrize(("bulk", "mode", "select", "caller", "now", "busy", "no_answer", "reason"), CASES)
def test_the_decision_table(
    bulk: str, mode: str, select: str, caller: str, now: str, busy: str, no_answer: str, reason: str
) -> None:
    decision = decided(bulk, mode, select, caller)

    assert (as_written(decision.now), decision.reason) == (now, reason)
    if busy != "-":
        assert (as_written(decision.on_busy), as_written(decision.on_no_answer)) == (busy, no_answer)
    else:
        assert (decision.on_busy, decision.on_no_answer) == (None, None)


# The same specification as a telephone would live through it, without the shape of the rule above.

NUMBERS = st.sampled_from([LISTED, UNLISTED, BRANCH, "+14155550100"])
SETTINGS = st.builds(
    Setting,
    number=st.just(NUMBER),
    claims=st.fixed_dictionaries({NUMBER: st.builds(Claim, st.booleans(), st.booleans(), st.just(FIRST))}),
    started=st.booleans(),
    mode=st.sampled_from(MODES),
    ring_seconds=st.integers(5, 60),
    destinations=st.just((Destination(MOBILE), Destination(BRANCH))),
    active=st.sampled_from([1, 2]),
    select=st.sampled_from(SELECTS),
    callers=st.lists(st.builds(Caller, NUMBERS), max_size=3).map(tuple),
)


# The first example waits for the strategies to be made, which a busy machine takes long for.
PATIENTLY = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def lived_through(setting: Setting, bulk: str | None, caller: str | None, event: str, seconds: int) -> str:
    """Who has the call `seconds` after it came in to a telephone that is `busy`, or `silent` as nobody is there."""
    claim = setting.claims[NUMBER]
    if claim.held and bulk is not None:
        return bulk
    if not (claim.held and claim.contracted and setting.started):
        return "telephone"
    on_list = caller in [listed.number for listed in setting.callers]
    chosen = {
        "off": True,
        "forward-registered": caller is not None and on_list,
        "ring-registered": caller is not None and not on_list,
    }[setting.select]
    waits = {
        "unconditional": {"busy": 0, "silent": 0},
        "busy": {"busy": 0},
        "no-answer": {"silent": setting.ring_seconds},
        "no-answer-or-busy": {"busy": 0, "silent": setting.ring_seconds},
    }[setting.mode]
    goes = chosen and event in waits and seconds >= waits[event]
    return setting.destinations[(setting.active or 1) - 1].number if goes else "telephone"


def carried_out(decision: Decision, event: str, seconds: int) -> str:
    """The same, by a switch that does as it was told."""
    if decision.now.action == "forward":
        return decision.now.to or ""
    later = decision.on_busy if event == "busy" else decision.on_no_answer
    return later.to or "" if later and seconds >= (later.after_seconds or 0) else "telephone"


@pytest.mark.slow
@PATIENTLY
@given(
    SETTINGS,
    st.sampled_from([None, BRANCH, OFFICE]),
    st.none() | NUMBERS,
    st.sampled_from(["busy", "silent"]),
    st.integers(0, 70),
)
def test_a_switch_that_does_as_told_does_as_specified(
    setting: Setting, bulk: str | None, caller: str | None, event: str, seconds: int
) -> None:
    decision = route(setting, bulk, caller)

    assert carried_out(decision, event, seconds) == lived_through(setting, bulk, caller, event, seconds)


@pytest.mark.slow
@PATIENTLY
@given(SETTINGS, st.sampled_from([None, BRANCH]), st.none() | NUMBERS)
def test_the_reason_and_the_words_fit_what_is_done(setting: Setting, bulk: str | None, caller: str | None) -> None:
    decision = route(setting, bulk, caller)
    ja, en = sentence(decision, Question(NUMBER, caller))

    forwards = any(
        step and step.action == "forward" for step in (decision.now, decision.on_busy, decision.on_no_answer)
    )
    assert forwards == (decision.reason == "bulk-forward" or decision.reason.startswith("voicewarp-"))
    assert ("へ転送されます" in ja) == ("forwarded to" in en or "forwarded at once" in en) == forwards
    assert "06-0000-1111" in ja
    assert "06-0000-1111" in en


def test_a_number_of_no_contract_rings() -> None:
    assert route(Setting(), BRANCH, None) == Decision(Step("ring"), None, None, "unknown-number")


def test_an_option_that_ended_forwards_nothing_whatever_is_left_of_it() -> None:
    ended = replace(SETTING, mode="unconditional", claims={NUMBER: Claim(held=True, contracted=False, sequence=FIRST)})

    assert route(ended, None, LISTED).reason == "not-forwarded"


# In words.

SENTENCES: dict[Reason, tuple[dict[str, Any], str | None, str, str]] = {
    "voicewarp-unconditional": (
        {"mode": "unconditional"},
        None,
        "いま 06-0000-1111 に電話がかかると、すぐに 090-1234-5678 へ転送されます",
        "Now, a call to 06-0000-1111 is forwarded to 090-1234-5678 at once",
    ),
    "voicewarp-no-answer": (
        {"mode": "no-answer"},
        LISTED,
        "いま 03-1234-5678 から 06-0000-1111 に電話がかかると、まず鳴り、15秒出ないと 090-1234-5678 へ転送されます",
        "Now, a call from 03-1234-5678 to 06-0000-1111 rings, and is forwarded to 090-1234-5678 when nobody answers "
        "within 15 seconds",
    ),
    "voicewarp-busy": (
        {"mode": "busy"},
        None,
        "いま 06-0000-1111 に電話がかかると、話し中ならすぐに 090-1234-5678 へ転送されます。"
        "話し中でなければ転送されずに鳴ります",
        "Now, a call to 06-0000-1111 is forwarded to 090-1234-5678 when the line is busy, and rings otherwise",
    ),
    "voicewarp-no-answer-or-busy": (
        {"mode": "no-answer-or-busy"},
        None,
        "いま 06-0000-1111 に電話がかかると、話し中ならすぐに、"
        "話し中でなければ15秒出ないときに 090-1234-5678 へ転送されます",
        "Now, a call to 06-0000-1111 is forwarded to 090-1234-5678 when the line is busy or nobody answers within 15 "
        "seconds",
    ),
    "caller-not-registered": (
        {"select": "forward-registered"},
        UNLISTED,
        "いま 06-6480-6430 から 06-0000-1111 に電話がかかると、登録されていない番号なので、転送されずに鳴ります",
        "Now, a call from 06-6480-6430 to 06-0000-1111 rings, as the caller is not on the list",
    ),
    "caller-registered": (
        {"select": "ring-registered"},
        LISTED,
        "いま 03-1234-5678 から 06-0000-1111 に電話がかかると、登録されている番号なので、転送されずに鳴ります",
        "Now, a call from 03-1234-5678 to 06-0000-1111 rings, as the caller is on the list",
    ),
    "caller-anonymous": (
        {"select": "ring-registered"},
        ANONYMOUS,
        "いま 番号を通知しない相手から 06-0000-1111 に電話がかかると、転送されずに鳴ります",
        "Now, a call from a withheld number to 06-0000-1111 rings",
    ),
    "not-forwarded": (
        {"started": False},
        LISTED,
        "いま 06-0000-1111 に電話がかかると、転送されずに鳴ります",
        "Now, a call to 06-0000-1111 rings",
    ),
    "unknown-number": (
        {"claims": {}},
        LISTED,
        "いま 06-0000-1111 に電話がかかると、契約のない番号なので、転送されずに鳴ります",
        "Now, a call to 06-0000-1111 rings, as no contract has the number",
    ),
}


@pytest.mark.parametrize(("reason", "told"), SENTENCES.items())
def test_each_answer_has_a_sentence_of_its_own(
    reason: Reason, told: tuple[dict[str, Any], str | None, str, str]
) -> None:
    changes, caller, ja, en = told

    decision = route(replace(SETTING, **changes), None, caller)

    assert decision.reason == reason
    assert sentence(decision, Question(NUMBER, caller)) == (ja, en)


def test_bulk_forwarding_is_named() -> None:
    assert sentence(route(SETTING, BRANCH, LISTED), Question(NUMBER, LISTED)) == (
        "いま 06-0000-1111 に電話がかかると、一括転送により、すぐに 045-123-4567 へ転送されます",
        "Now, a call to 06-0000-1111 is forwarded at once to 045-123-4567, by bulk forwarding",
    )


def test_every_reason_has_been_worded() -> None:
    assert {*SENTENCES, "bulk-forward"} == set(get_args(Reason))


def test_an_instant_is_told_in_japanese_time() -> None:
    decision, after = route(SETTING, BRANCH, None), NOON + timedelta(minutes=5)

    past, _ = sentence(decision, Question(NUMBER, None, after, past=True))
    future, english = sentence(decision, Question(NUMBER, None, after))

    assert past.startswith("2026年1月15日12:05の設定では、06-0000-1111 に電話がかかると、")
    assert future.startswith("いまの設定のままなら、2026年1月15日12:05に 06-0000-1111 に電話がかかると、")
    assert english.startswith("As it is set now, on Jan 15, 2026, 12:05 (Japan) a call to 06-0000-1111 is forwarded")
