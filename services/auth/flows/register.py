"""Importing contracts, so that a number and a circuit belong to one at most."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chassis.errors import Conflict, FieldError, Rejected
from chassis.handling import TRIES, Done, Failed, Handler, Order, Refused
from chassis.messages import Origin, now
from contracts.auth import Contract, ContractImported
from services.auth.adapters import Claim, Claims
from services.auth.model.contract import CHANGED_MEANWHILE, Holder, ImportContract, check, names

# A claim younger than this may belong to an import that is just about to commit.
IMPORT_TAKES = timedelta(seconds=60)


@dataclass(frozen=True)
class Imported:
    """What became of one contract: `imported`, `changed`, `unchanged`, or `rejected` with why.

    `raced` is for the register alone: the contract was changed while it was imported.
    """

    result: str
    problem: Rejected | None = None


def _anyone(holder: Holder) -> None:
    """No guard."""


@dataclass(frozen=True)
class Register:
    """All contracts, so that a number and a circuit belong to one at most.

    A contract's new names are claimed before its commit, and its commit counts only if nothing happened to the contract
    since it was looked at. So a claim is void as soon as its contract has changed in any other way.
    """

    contracts: Handler[Holder]
    claims: Claims
    clock: Callable[[], datetime] = now

    def take(
        self, contracts: Sequence[Contract], origin: Origin, guard: Callable[[Holder], None] = _anyone
    ) -> list[Imported]:
        """An answer for each, in order. A refused contract changes nothing; repeating all is safe.

        A contract that stands twice in one call counts as it stands last. What one contract gives up, another may have
        in the same call. `guard` sees each contract as it is before, and may raise.
        """
        problems = [_problem(contract) for contract in contracts]
        good = {c.contract_number: c for c, problem in zip(contracts, problems, strict=True) if not problem}
        results: dict[str, Imported] = {}
        left = list(good.values())
        for _ in range(TRIES):
            results.update(answers := self._round(left, origin, guard))
            left = [contract for contract in left if contract.contract_number in _worth_another(answers)]
        if any(result.result == "raced" for result in results.values()):
            raise Conflict("lost-race")
        return [
            Imported("rejected", problem) if problem else results[contract.contract_number]
            for contract, problem in zip(contracts, problems, strict=True)
        ]

    def _round(
        self, contracts: Sequence[Contract], origin: Origin, guard: Callable[[Holder], None]
    ) -> dict[str, Imported]:
        if not contracts:
            return {}
        holders = self.contracts.read_many([contract.contract_number for contract in contracts])
        for holder in holders.values():
            guard(holder)
        changed = [c for c in contracts if c != holders[c.contract_number].contract]
        taken = self._taken(changed, holders)
        free = [contract for contract in changed if contract.contract_number not in taken]
        return {
            **{contract.contract_number: Imported("unchanged") for contract in contracts},
            **{number: Imported("rejected", problem) for number, problem in taken.items()},
            **self._commit(free, holders, origin),
        }

    def _taken(self, contracts: Sequence[Contract], holders: Mapping[str, Holder]) -> dict[str, Rejected]:
        """The contracts that want what another has."""
        at = self.clock()
        wanted, late = _first_come({c.contract_number: _new_names(c, holders) for c in contracts})
        claims = {name: Claim(number, holders[number].changes, at) for name, number in wanted.items()}
        others = self.claims.take(claims)
        held = {wanted[name]: name for name, claim in others.items() if not self._free(name, claim, claims[name])}
        return {number: _name_taken(name) for number, name in (late | held).items()}

    def _free(self, name: str, held: Claim, claim: Claim) -> bool:
        """Takes a claim over whose contract does not have the name: it gave it up, or never came to have it."""
        holder = self.contracts.read(held.contract_number).state
        if holder.contract and name in names(holder.contract):
            return False
        if holder.changes == held.changes and claim.at - held.at < IMPORT_TAKES:
            return False
        return self.claims.take_over(name, held, claim)

    def _commit(
        self, contracts: Sequence[Contract], holders: Mapping[str, Holder], origin: Origin
    ) -> dict[str, Imported]:
        orders = [
            Order(
                c.contract_number,
                ImportContract(c, holders[c.contract_number].changes),
                f"import:{uuid.uuid4().hex}",
                origin.correlation_id,
                mark=False,
            )
            for c in contracts
        ]
        results = self.contracts.handle_many(orders, origin.actor)
        return {order.id: _imported(result) for order, result in zip(orders, results, strict=True)}


def _worth_another(answers: Mapping[str, Imported]) -> frozenset[str]:
    """Those that were changed meanwhile, and those that wanted what another may have given up just now."""
    given_up = any(answer.result in ("imported", "changed") for answer in answers.values())
    return frozenset(
        number
        for number, answer in answers.items()
        if answer.result == "raced" or (given_up and answer.result == "rejected")
    )


def _new_names(contract: Contract, holders: Mapping[str, Holder]) -> frozenset[str]:
    before = holders[contract.contract_number].contract
    return names(contract) - (names(before) if before else frozenset())


def _first_come(wanted: Mapping[str, frozenset[str]]) -> tuple[dict[str, str], dict[str, str]]:
    """Name -> contract for the contracts that come first with all their names; the others with what they lack."""
    first: dict[str, str] = {}
    late: dict[str, str] = {}
    for number, its_names in wanted.items():
        if clash := sorted(its_names & first.keys()):
            late[number] = clash[0]
        else:
            first |= dict.fromkeys(sorted(its_names), number)
    return first, late


def _problem(contract: Contract) -> Rejected | None:
    try:
        check(contract)
    except Rejected as problem:
        return problem
    return None


def _name_taken(name: str) -> Rejected:
    if name.startswith("circuit:"):
        return Rejected("circuit-taken", errors=[FieldError("circuit", "circuit-taken")])
    return Rejected("number-taken", errors=[FieldError(f"numbers.{name}", "number-taken")])


def _imported(result: object) -> Imported:
    match result:
        case Done(events=()):
            return Imported("unchanged")
        case Done(events=(ContractImported(), *_)):
            return Imported("imported")
        case Done():
            return Imported("changed")
        case Refused(code=code):
            return Imported("raced" if code == CHANGED_MEANWHILE else "rejected", Rejected(code))
        case Failed(error=error):
            raise error
        case _:
            return Imported("unchanged")
