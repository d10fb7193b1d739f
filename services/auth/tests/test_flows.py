from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chassis.errors import Conflict, Unavailable
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import Codec
from chassis.store import Answer, Commit
from chassis.testing import OPERATOR, FixedClock
from contracts.auth import Contract
from services.auth.adapters import MemoryClaims
from services.auth.bootstrap import CODEC
from services.auth.flows.register import IMPORT_TAKES, Register
from services.auth.model.contract import CATEGORY, DECIDER, RemoveContract, names
from services.auth.tests.examples import CONTRACT, ELSEWHERE, NUMBER, OTHER, plain

THIRD = "0750001111"


@dataclass
class MeanwhileStore(MemoryStore):
    """A memory store in which something else happens just before each of the next commits."""

    meanwhile: list[Callable[[], object]] = field(default_factory=list)

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        if commits and self.meanwhile:
            something, *later = self.meanwhile
            self.meanwhile = []
            try:
                something()
            finally:
                self.meanwhile = later
        return super().append_many(commits)


def crash() -> None:
    raise Unavailable("store-unavailable")


@dataclass
class Office:
    """A register with all that belongs to it."""

    clock: FixedClock = field(default_factory=FixedClock)
    store: MeanwhileStore = field(default_factory=lambda: MeanwhileStore(CODEC))
    claims: MemoryClaims = field(default_factory=MemoryClaims)

    def __post_init__(self) -> None:
        self.contracts = Handler(self.store, DECIDER, CATEGORY, clock=self.clock)
        self.register = Register(self.contracts, self.claims, self.clock)

    def take(self, *contracts: Contract) -> list[str]:
        """What became of each, and why."""
        self.clock.advance(milliseconds=1)
        answers = self.register.take(contracts, OPERATOR)
        return [answer.problem.code if answer.problem else answer.result for answer in answers]

    def remove(self, number: str) -> None:
        self.clock.advance(milliseconds=1)
        self.contracts.handle(number, RemoveContract(), OPERATOR)

    def crash_with(self, *contracts: Contract) -> None:
        """Claims, and dies before the commit."""
        self.store.meanwhile.append(crash)
        with pytest.raises(Unavailable):
            self.take(*contracts)

    def has(self, number: str) -> Contract | None:
        return self.contracts.read(number).state.contract


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_contract_is_imported_then_unchanged_then_changed(office: Office) -> None:
    answers = [office.take(CONTRACT), office.take(CONTRACT), office.take(replace(CONTRACT, site="支店"))]

    assert answers == [["imported"], ["unchanged"], ["changed"]]


def test_an_unchanged_contract_leaves_nothing_behind(office: Office) -> None:
    office.take(CONTRACT)
    before = office.contracts.read(NUMBER).revision

    office.take(CONTRACT)

    assert office.contracts.read(NUMBER).revision == before


def test_a_refused_contract_fails_none_of_its_neighbours(office: Office) -> None:
    assert office.take(plain("110"), plain(NUMBER)) == ["invalid-contract", "imported"]


def test_a_number_belongs_to_one_contract(office: Office) -> None:
    office.take(plain(NUMBER, OTHER))

    assert office.take(plain(ELSEWHERE, OTHER)) == ["number-taken"]
    assert office.has(ELSEWHERE) is None


def test_a_refused_number_is_named(office: Office) -> None:
    office.take(plain(NUMBER, OTHER))

    problem = office.register.take([plain(ELSEWHERE, OTHER)], OPERATOR)[0].problem

    assert problem
    assert [error.field for error in problem.details["errors"]] == [f"numbers.{OTHER}"]


def test_a_circuit_belongs_to_one_contract(office: Office) -> None:
    office.take(plain(NUMBER, circuit="C-1"))

    assert office.take(plain(ELSEWHERE, circuit="C-1")) == ["circuit-taken"]


def test_of_two_contracts_in_one_call_the_first_gets_the_number(office: Office) -> None:
    assert office.take(plain(NUMBER, OTHER), plain(ELSEWHERE, OTHER)) == ["imported", "number-taken"]


def test_whoever_comes_too_late_for_one_number_keeps_no_other_from_its_own(office: Office) -> None:
    late = plain(ELSEWHERE, OTHER, "0600009999")

    assert office.take(plain(NUMBER, OTHER), late, plain(THIRD, "0600009999")) == [
        "imported",
        "number-taken",
        "imported",
    ]


def test_a_number_that_was_given_up_is_free(office: Office) -> None:
    office.take(plain(NUMBER, OTHER))
    office.take(plain(NUMBER))

    assert office.take(plain(ELSEWHERE, OTHER)) == ["imported"]


@pytest.mark.parametrize("turned", [False, True], ids=["given up first", "wanted first"])
def test_a_number_moves_from_one_contract_to_another_in_one_call(office: Office, turned: bool) -> None:
    office.take(plain(NUMBER, OTHER), plain(ELSEWHERE))
    moved = [plain(NUMBER), plain(ELSEWHERE, OTHER)]

    answers = office.take(*(reversed(moved) if turned else moved))

    assert answers == ["changed", "changed"]


def test_the_numbers_of_a_removed_contract_are_free(office: Office) -> None:
    office.take(plain(NUMBER, OTHER))
    office.remove(NUMBER)

    assert office.take(plain(ELSEWHERE, OTHER)) == ["imported"]


def test_a_contract_that_stands_twice_in_one_call_counts_as_it_stands_last(office: Office) -> None:
    office.take(plain(NUMBER), plain(NUMBER, OTHER))

    assert office.has(NUMBER) == plain(NUMBER, OTHER)


def test_a_guard_sees_the_contract_before(office: Office) -> None:
    office.take(CONTRACT)
    seen: list[Contract | None] = []

    office.register.take([plain(NUMBER)], OPERATOR, lambda holder: seen.append(holder.contract))

    assert seen == [CONTRACT]


# Crashes and races.


def test_after_a_crash_the_same_import_succeeds_at_once(office: Office) -> None:
    office.crash_with(plain(NUMBER, OTHER))

    assert office.take(plain(NUMBER, OTHER)) == ["imported"]


def test_a_claim_of_an_import_that_may_still_commit_is_respected(office: Office) -> None:
    office.crash_with(plain(NUMBER, OTHER))

    assert office.take(plain(ELSEWHERE, OTHER)) == ["number-taken"]


def test_a_claim_of_a_crashed_import_ends_after_a_minute(office: Office) -> None:
    office.crash_with(plain(NUMBER, OTHER))
    office.clock.advance(seconds=60)

    assert office.take(plain(ELSEWHERE, OTHER)) == ["imported"]
    assert office.take(plain(NUMBER, OTHER)) == ["number-taken"]


def test_of_two_imports_at_once_one_gets_the_number(office: Office) -> None:
    office.store.meanwhile.append(lambda: office.take(plain(ELSEWHERE, OTHER)))

    answers = office.take(plain(NUMBER, OTHER))

    assert answers == ["imported"]
    assert office.has(ELSEWHERE) is None


def test_two_imports_of_one_contract_at_once_do_not_lose_a_claim(office: Office) -> None:
    """The quicker one makes the slower one's claim look settled, and a third contract takes the number."""

    def meanwhile() -> None:
        office.take(plain(NUMBER, circuit="C-9"))
        office.take(plain(ELSEWHERE, OTHER))

    office.store.meanwhile.append(meanwhile)

    answers = office.take(plain(NUMBER, OTHER))

    assert answers == ["number-taken"]
    assert office.has(ELSEWHERE) == plain(ELSEWHERE, OTHER)


def test_a_contract_that_wants_a_number_back_does_not_share_it(office: Office) -> None:
    office.take(plain(NUMBER, OTHER))
    office.take(plain(NUMBER))
    office.store.meanwhile.append(lambda: office.take(plain(ELSEWHERE, OTHER)))

    office.take(plain(NUMBER, OTHER))

    holders = [number for number in (NUMBER, ELSEWHERE) if OTHER in (office.has(number) or plain(number)).numbers]
    assert holders == [NUMBER]


def test_a_contract_that_is_changed_all_the_time_is_a_conflict(office: Office) -> None:
    sites = iter("abcdefghijklmnopqrstuvwxyz")

    def meanwhile() -> None:
        office.take(replace(plain(NUMBER), site=next(sites)))

    for _ in range(10):
        office.store.meanwhile.append(meanwhile)

    with pytest.raises(Conflict):
        office.take(plain(NUMBER, OTHER))


def test_one_call_asks_as_often_for_five_hundred_contracts_as_for_one(
    watched_store: Callable[[Codec], Any],
) -> None:
    calls = []
    for count in (1, 500):
        store = watched_store(CODEC)
        register = Register(Handler(store, DECIDER, CATEGORY), MemoryClaims())
        register.take([plain(f"06{place:08d}") for place in range(count)], OPERATOR)
        calls.append(store.calls)

    assert calls[0] == calls[1]


# Random offices.

NUMBERS = (NUMBER, ELSEWHERE, THIRD)
EXTRAS = (OTHER, "0600003333", "0600004444")
some_contracts = st.builds(
    lambda number, extras, circuit: plain(number, *extras, circuit=circuit),
    st.sampled_from(NUMBERS),
    st.sets(st.sampled_from((*EXTRAS, *NUMBERS)), max_size=3),
    st.sampled_from(("", "", "C-1", "C-2")),
)
some_batches = st.lists(some_contracts, min_size=1, max_size=3, unique_by=lambda one: one.contract_number)


class Days(RuleBasedStateMachine):
    """Imports, removals, crashes and races over few names; a name is never in two contracts."""

    def __init__(self) -> None:
        super().__init__()
        self.office = Office()

    def held(self) -> dict[str, Contract]:
        return {number: contract for number in NUMBERS if (contract := self.office.has(number))}

    @rule(batch=some_batches)
    def take(self, batch: list[Contract]) -> None:
        before = self.held()

        answers = self.office.take(*batch)

        for contract, answer in zip(batch, answers, strict=True):
            refused = answer in ("number-taken", "circuit-taken")
            now = before.get(contract.contract_number) if refused else contract
            assert self.office.has(contract.contract_number) == now
            assert (answer == "unchanged") == (before.get(contract.contract_number) == contract)

    @rule(contract=some_contracts)
    def take_what_nobody_has_after_a_minute(self, contract: Contract) -> None:
        self.office.clock.advance(seconds=IMPORT_TAKES.total_seconds())
        others = [held for number, held in self.held().items() if number != contract.contract_number]

        answer = self.office.take(contract)[0]

        taken = any(names(contract) & names(other) for other in others)
        assert (answer in ("number-taken", "circuit-taken")) == taken

    @rule(number=st.sampled_from(NUMBERS))
    def remove(self, number: str) -> None:
        if self.office.has(number):
            self.office.remove(number)

    @rule(batch=some_batches)
    def crash(self, batch: list[Contract]) -> None:
        self.office.store.meanwhile.append(crash)
        try:
            self.office.take(*batch)
        except Unavailable:
            return
        self.office.store.meanwhile.clear()

    @rule(batches=st.lists(some_batches, min_size=2, max_size=4))
    def race(self, batches: list[list[Contract]]) -> None:
        slow, *quick = batches
        self.office.store.meanwhile += [lambda batch=batch: self.office.take(*batch) for batch in quick]  # type: ignore[misc]

        self.office.take(*slow)

        self.office.store.meanwhile.clear()

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        self.office.clock.advance(seconds=seconds)

    @invariant()
    def a_name_is_in_one_contract_at_most(self) -> None:
        all_names = [name for contract in self.held().values() for name in names(contract)]
        assert len(all_names) == len(set(all_names))

    @invariant()
    def whoever_has_a_name_has_its_claim(self) -> None:
        for number, contract in self.held().items():
            assert {self.office.claims.claims[name].contract_number for name in names(contract)} == {number}


TestDays = pytest.mark.slow(Days.TestCase)
TestDays.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


def test_a_minute_is_how_long_an_import_may_take() -> None:
    assert timedelta(minutes=1) == IMPORT_TAKES
