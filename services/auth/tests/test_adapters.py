"""What both kinds of claims, and both kinds of sessions, promise."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chassis.testing import NOON
from services.auth.adapters import (
    Claim,
    Claims,
    KnownSession,
    MemoryClaims,
    MemorySessions,
    MongoClaims,
    MongoSessions,
    Sessions,
)
from services.auth.tests.examples import ELSEWHERE, NUMBER, OTHER

OURS = Claim(NUMBER, 0, NOON)
THEIRS = Claim(ELSEWHERE, 3, NOON + timedelta(seconds=5))


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def claims(request: pytest.FixtureRequest) -> Claims:
    return MemoryClaims() if request.param == "memory" else MongoClaims(request.getfixturevalue("database"))


def test_a_name_is_claimed_by_whoever_comes_first(claims: Claims) -> None:
    first = claims.take({"n1": OURS})
    second = claims.take({"n1": THEIRS})

    assert (first, second) == ({}, {"n1": OURS})


def test_names_that_nobody_has_are_claimed_beside_one_that_somebody_has(claims: Claims) -> None:
    claims.take({"n1": OURS})

    taken = claims.take({"n1": THEIRS, "n2": THEIRS})

    assert taken == {"n1": OURS}
    assert claims.take({"n2": OURS}) == {"n2": THEIRS}


def test_nothing_is_claimed_with_nothing(claims: Claims) -> None:
    assert claims.take({}) == {}


def test_a_contract_replaces_its_own_claim(claims: Claims) -> None:
    newer = replace(OURS, changes=1)
    claims.take({"n1": OURS})

    again = claims.take({"n1": newer})

    assert again == {}
    assert claims.take({"n1": THEIRS}) == {"n1": newer}


def test_a_claim_is_taken_over_once(claims: Claims) -> None:
    claims.take({"n1": OURS})

    answers = [claims.take_over("n1", OURS, THEIRS), claims.take_over("n1", OURS, replace(THEIRS, changes=9))]

    assert answers == [True, False]
    assert claims.take({"n1": OURS}) == {"n1": THEIRS}


def test_a_claim_that_was_renewed_is_not_taken_over(claims: Claims) -> None:
    claims.take({"n1": OURS})
    claims.take({"n1": replace(OURS, changes=1)})

    assert not claims.take_over("n1", OURS, THEIRS)


# Sessions.

OPEN = KnownSession(NUMBER, "s1", NOON, "192.0.2.1")
TOMORROW = NOON + timedelta(days=1)
# The database removes what has expired, by its own clock.
FAR_OFF = NOON + timedelta(days=36_500)


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def sessions(request: pytest.FixtureRequest) -> Sessions:
    if request.param == "memory":
        return MemorySessions()
    kept = MongoSessions(request.getfixturevalue("database"))
    kept.prepare()
    return kept


def test_a_token_leads_to_its_session(sessions: Sessions) -> None:
    sessions.add("hash", OPEN, FAR_OFF)

    assert (sessions.find("hash"), sessions.find("another")) == (OPEN, None)


def test_a_session_that_was_seen_is_known_to_be(sessions: Sessions) -> None:
    sessions.add("hash", OPEN, FAR_OFF)

    sessions.saw("hash", TOMORROW)

    assert sessions.find("hash") == replace(OPEN, last_seen=TOMORROW)


def test_what_was_seen_later_is_not_forgotten_for_what_was_seen_before(sessions: Sessions) -> None:
    sessions.add("hash", OPEN, FAR_OFF)
    sessions.saw("hash", TOMORROW)

    sessions.saw("hash", NOON)

    assert sessions.find("hash") == replace(OPEN, last_seen=TOMORROW)


def test_the_sessions_of_a_number_are_its_own(sessions: Sessions) -> None:
    for token_hash, session in {
        "h1": OPEN,
        "h2": replace(OPEN, session_id="s2"),
        "h3": replace(OPEN, session_id="s3", number=OTHER),
    }.items():
        sessions.add(token_hash, session, FAR_OFF)

    assert sessions.of(NUMBER) == {"s1": OPEN, "s2": replace(OPEN, session_id="s2")}
    assert sessions.of(ELSEWHERE) == {}
