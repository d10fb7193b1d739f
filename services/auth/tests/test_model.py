from dataclasses import replace

import msgspec
import pytest

from chassis.testing import NOON, given
from contracts.auth import Contract, ContractChanged, ContractImported
from services.auth.model import contract, keyring
from services.auth.model.contract import MOST_NUMBERS, Holder, ImportContract, names, tenure
from services.auth.model.keyring import ApiKey, ApiKeyCreated, CreateApiKey, Keyring, RevokeApiKey, find
from services.auth.tests.examples import (
    CHANGED,
    CONTRACT,
    CREATE_KEY,
    IMPORT,
    IMPORTED,
    KEY_CREATED,
    KEY_HASH,
    KEY_ID,
    KEY_REVOKED,
    NUMBER,
    OTHER,
    REMOVE,
    REMOVED,
    REVOKE_KEY,
    plain,
)

# Contracts.


def test_a_new_contract_is_imported() -> None:
    given(contract.DECIDER).when(IMPORT).then(IMPORTED)


def test_the_same_contract_again_changes_nothing() -> None:
    given(contract.DECIDER, IMPORTED).when(replace(IMPORT, changes=1)).then()


def test_another_content_is_a_change() -> None:
    given(contract.DECIDER, IMPORTED).when(ImportContract(CHANGED.contract, 1)).then(CHANGED)


def test_a_removed_contract_can_come_back() -> None:
    given(contract.DECIDER, IMPORTED, REMOVED).when(replace(IMPORT, changes=2)).then(IMPORTED)


def test_a_contract_that_was_changed_meanwhile_is_not_imported() -> None:
    given(contract.DECIDER, IMPORTED, CHANGED).when(replace(IMPORT, changes=1)).rejects("changed-meanwhile")


def test_a_stay_in_a_contract_goes_on_while_the_number_is_in_it() -> None:
    holder = given(contract.DECIDER, IMPORTED, replace(CHANGED, contract=replace(CONTRACT, site="支店"))).state

    assert [tenure(holder, number) for number in (NUMBER, OTHER)] == [f"{NUMBER}@1", f"{NUMBER}@1"]


def test_a_number_that_comes_later_has_a_stay_of_its_own() -> None:
    holder = given(contract.DECIDER, CHANGED, ContractChanged(CONTRACT)).state

    assert [tenure(holder, number) for number in (NUMBER, OTHER)] == [f"{NUMBER}@1", f"{NUMBER}@2"]


def test_a_number_that_left_and_came_back_has_another_stay() -> None:
    holder = given(contract.DECIDER, IMPORTED, CHANGED, ContractChanged(CONTRACT)).state

    assert tenure(holder, OTHER) == f"{NUMBER}@3"


@pytest.mark.parametrize("events", [(), (CHANGED,), (IMPORTED, REMOVED)])
def test_a_number_that_is_not_in_a_contract_has_no_stay(events: tuple[object, ...]) -> None:
    assert tenure(given(contract.DECIDER, *events).state, OTHER) == ""


def test_a_contract_is_removed() -> None:
    given(contract.DECIDER, IMPORTED).when(REMOVE).then(REMOVED)


@pytest.mark.parametrize("events", [(), (IMPORTED, REMOVED)])
def test_what_is_not_there_cannot_be_removed(events: tuple[object, ...]) -> None:
    given(contract.DECIDER, *events).when(REMOVE).rejects("not-found")


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (plain("110"), {"contract_number", "numbers.110"}),
        (plain(NUMBER, "0120123456"), {"numbers.0120123456"}),
        (plain(NUMBER, "06-0000-2222"), {"numbers.06-0000-2222"}),
        (plain(NUMBER, ""), {"numbers."}),
    ],
)
def test_only_subscribers_numbers_are_contracted(wanted: Contract, fields: set[str]) -> None:
    refusal = given(contract.DECIDER).when(ImportContract(wanted, 0)).refusal

    assert refusal
    assert refusal.code == "invalid-contract"
    assert {error.field for error in refusal.details["errors"]} == fields


def many(count: int) -> Contract:
    return plain(*(f"06{place:08d}" for place in range(count)))


def test_a_thousand_numbers_fit() -> None:
    given(contract.DECIDER).when(ImportContract(many(MOST_NUMBERS), 0)).then(ContractImported(many(MOST_NUMBERS)))


def test_a_thousand_and_one_numbers_do_not_fit() -> None:
    refusal = given(contract.DECIDER).when(ImportContract(many(MOST_NUMBERS + 1), 0)).refusal

    assert refusal
    assert [error.code for error in refusal.details["errors"]] == ["too-many-numbers"]


def test_a_contract_alone_has_its_numbers_and_its_circuit() -> None:
    assert names(CONTRACT) == {NUMBER, OTHER, "circuit:C-1111"}


def test_no_circuit_is_nobodys_name() -> None:
    assert names(plain(NUMBER)) == {NUMBER}


def test_a_contract_survives_being_kept_as_a_snapshot() -> None:
    state = given(contract.DECIDER, IMPORTED, ContractChanged(CONTRACT)).state

    assert msgspec.convert(msgspec.to_builtins(state), Holder) == state


# Keys.


def test_a_key_is_made() -> None:
    given(keyring.DECIDER).when(CREATE_KEY).then(KEY_CREATED)


def test_a_scope_that_is_named_twice_is_one() -> None:
    twice = replace(CREATE_KEY, scopes=("line-events", "line-events"))

    given(keyring.DECIDER).when(twice).then(KEY_CREATED)


@pytest.mark.parametrize("scopes", [(), ("root",), ("line-events", "root")])
def test_a_key_has_scopes_that_exist(scopes: tuple[str, ...]) -> None:
    command = CreateApiKey(KEY_ID, KEY_HASH, "noc-west", scopes, NOON)  # type: ignore[arg-type]

    given(keyring.DECIDER).when(command).rejects("unknown-scope", field="scopes")


def test_a_key_is_revoked() -> None:
    given(keyring.DECIDER, KEY_CREATED).when(REVOKE_KEY).then(KEY_REVOKED)


def test_revoking_twice_is_once() -> None:
    given(keyring.DECIDER, KEY_CREATED, KEY_REVOKED).when(REVOKE_KEY).then()


def test_a_key_that_is_not_there_cannot_be_revoked() -> None:
    given(keyring.DECIDER, KEY_CREATED).when(RevokeApiKey("other")).rejects("not-found")


def test_a_key_is_found_by_its_whole_hash() -> None:
    ring = given(keyring.DECIDER, KEY_CREATED).state

    assert find(ring, KEY_ID, KEY_HASH) == ApiKey(KEY_ID, KEY_HASH, "noc-west", ("line-events",), NOON)


def test_half_a_hash_finds_no_key() -> None:
    ring = given(keyring.DECIDER, KEY_CREATED).state

    assert find(ring, KEY_ID, KEY_ID + "0" * 48) is None


def test_a_revoked_key_is_kept_and_not_found() -> None:
    ring = given(keyring.DECIDER, KEY_CREATED, KEY_REVOKED).state

    assert find(ring, KEY_ID, KEY_HASH) is None
    assert ring.keys[KEY_ID].revoked


def test_a_key_ring_survives_being_kept_as_a_snapshot() -> None:
    other = ApiKeyCreated("other", "cd" * 32, "switch", ("calls", "ivr"), NOON)
    state = given(keyring.DECIDER, KEY_CREATED, other, KEY_REVOKED).state

    assert msgspec.convert(msgspec.to_builtins(state), Keyring) == state
