from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from pymongo.database import Database

from chassis.passwords import Verifiers, make_pepper, read_pepper
from chassis.testing import NOON
from services.ivr.adapters import MemorySequence, MongoSequence, PepperVault, Sequence
from services.ivr.model import Vault
from services.ivr.tests.examples import CALL, NOISE, PASSWORD, SALT

PEPPER, OTHER_PEPPER = b"p" * 32, b"q" * 32
OTHER_NOISE = b"other-of-16-byte"


@pytest.fixture(scope="module")
def vault() -> PepperVault:
    return PepperVault.of(PEPPER)


@pytest.mark.parametrize("digits", ["1", "1234567", PASSWORD, "0600001111*", ""])
def test_what_is_sealed_can_be_opened(vault: Vault, digits: str) -> None:
    sealed = vault.seal(digits, CALL, NOISE)

    assert vault.open(sealed, CALL) == digits
    assert not digits or digits not in sealed


def test_the_same_is_sealed_alike_only_with_the_same_noise(vault: PepperVault) -> None:
    assert vault.seal(PASSWORD, CALL, NOISE) == vault.seal(PASSWORD, CALL, NOISE)
    assert vault.seal(PASSWORD, CALL, NOISE) != vault.seal(PASSWORD, CALL, OTHER_NOISE)


def test_what_is_sealed_for_one_call_is_shut_for_another(vault: PepperVault) -> None:
    with pytest.raises(InvalidTag):
        vault.open(vault.seal(PASSWORD, CALL, NOISE), "another call")


def test_without_the_pepper_nothing_opens(vault: PepperVault) -> None:
    with pytest.raises(InvalidTag):
        PepperVault.of(OTHER_PEPPER).open(vault.seal(PASSWORD, CALL, NOISE), CALL)


def test_auth_knows_the_verifier(vault: PepperVault) -> None:
    verifier = vault.verifier(PASSWORD, SALT)

    assert Verifiers(PEPPER).matches(verifier, PASSWORD)
    assert not Verifiers(OTHER_PEPPER).matches(verifier, PASSWORD)
    assert vault.verifier(PASSWORD, SALT) == verifier


def test_a_fingerprint_tells_nothing_without_the_pepper(vault: PepperVault) -> None:
    assert vault.fingerprint(PASSWORD) == vault.fingerprint(PASSWORD)
    assert vault.fingerprint(PASSWORD) != PepperVault.of(OTHER_PEPPER).fingerprint(PASSWORD)


def test_the_pepper_comes_from_its_file(tmp_path: Path) -> None:
    make_pepper(tmp_path / "pepper")

    sealed = PepperVault.from_file(tmp_path / "pepper").seal(PASSWORD, CALL, NOISE)

    assert PepperVault.of(read_pepper(tmp_path / "pepper")).open(sealed, CALL) == PASSWORD


@pytest.fixture(params=["memory", pytest.param("mongo", marks=pytest.mark.integration)])
def sequence(request: pytest.FixtureRequest) -> Sequence:
    return MemorySequence() if request.param == "memory" else MongoSequence(request.getfixturevalue("database"))


def test_a_sequence_grows_also_while_the_clock_stands_still_or_goes_back(sequence: Sequence) -> None:
    first = sequence.next(NOON)

    assert [sequence.next(NOON), sequence.next(NOON - timedelta(hours=1))] == [first + 1, first + 2]


def test_a_sequence_that_was_lost_goes_on_with_larger_numbers(sequence: Sequence) -> None:
    before = MemorySequence().next(NOON)

    assert sequence.next(NOON + timedelta(seconds=1)) > before


@pytest.mark.integration
def test_of_many_at_once_each_gets_a_number_of_its_own(database: Database[dict[str, Any]]) -> None:
    with ThreadPoolExecutor(20) as together:
        numbers = list(together.map(lambda _: MongoSequence(database).next(NOON), range(100)))

    assert len(set(numbers)) == 100
