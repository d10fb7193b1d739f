"""A CSV file for a plan: first what it would change, then the change, as a whole or not at all.

A file changes the entries that it lists and leaves the others. Whether a destination is allowed is the model's to say:
it is asked for the plan as the file wants it, and its answer is told by line.
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from chassis.errors import Conflict, FieldError, NotFound, Rejected
from chassis.handling import Handler, Once, Outcome
from chassis.messages import Origin, now
from services.bulkforward.adapters import DryRun, DryRuns
from services.bulkforward.formats import MOST_ERRORS, Known, Row, RowError, shown_cell
from services.bulkforward.formats import read as read_csv
from services.bulkforward.model import MOST_ENTRIES, EditPlan, Plan, decide

Guard = Callable[[Plan], None]
Complete = Callable[[str, EditPlan], EditPlan]


def _as_it_is(_contract_number: str, command: EditPlan) -> EditPlan:
    return command


@dataclass(frozen=True)
class Change:
    """What a line of the file does to an entry: `before` is None where there was none, `destination` where it goes."""

    line: int
    number: str
    destination: str | None
    before: str | None


@dataclass(frozen=True)
class Proposal:
    """What a file would make of the entries. With `errors` it is not to be carried out; the rest shows what it would
    be without the wrong lines. `unchanged` counts the entries that stay as they are, listed or not."""

    entries: Mapping[str, str]
    changes: tuple[Change, ...]
    unchanged: int
    errors: tuple[RowError, ...]

    @property
    def added(self) -> list[Change]:
        return [change for change in self.changes if change.before is None]

    @property
    def changed(self) -> list[Change]:
        return [change for change in self.changes if change.before is not None and change.destination is not None]

    @property
    def deleted(self) -> list[Change]:
        return [change for change in self.changes if change.destination is None]


def propose(plan: Plan, data: bytes, charset: str | None = None, complete: Complete = _as_it_is) -> Proposal:
    """What the file would make of the plan. Rejected when it is no file of ours; errors of rows are in the proposal."""
    sheet = read_csv(data, charset, Known(plan.numbers, frozenset(plan.entries.values())))
    strangers = [row for row in sheet.rows if row.number not in plan.numbers]
    changes = _changes(plan, [row for row in sheet.rows if row.number in plan.numbers])
    entries = _after(plan, changes)
    errors = [*sheet.errors, *map(_stranger, strangers), *_refused(plan, entries, changes, complete)]
    wrong = {error.line for error in errors}
    right = tuple(change for change in changes if change.line not in wrong)
    untouched = len(plan.entries.keys() - {change.number for change in right})
    return Proposal(entries, right, untouched, _first(errors))


def _changes(plan: Plan, rows: Sequence[Row]) -> list[Change]:
    wanted = [Change(row.line, row.number, row.destination or None, plan.entries.get(row.number)) for row in rows]
    return [change for change in wanted if change.destination != change.before]


def _after(plan: Plan, changes: Sequence[Change]) -> dict[str, str]:
    entries = dict(plan.entries)
    for change in changes:
        if change.destination is None:
            del entries[change.number]
        else:
            entries[change.number] = change.destination
    return entries


def _stranger(row: Row) -> RowError:
    message = f"「{shown_cell(row.number)}」はご契約の電話番号ではありません。番号を確かめるか、この行を消してください"
    return RowError(row.line, "number-not-in-contract", message)


def _refused(plan: Plan, entries: Mapping[str, str], changes: Sequence[Change], complete: Complete) -> list[RowError]:
    """What the model has against the entries, by the line that brought it."""
    too_many = len(entries) - MOST_ENTRIES
    if too_many > 0:
        added = [change.line for change in changes if change.before is None]
        return [RowError(added[-too_many], "too-many-entries", _TOO_MANY)]
    lines = {f"entries.{change.number}": change.line for change in changes}
    command = complete(plan.contract_number, EditPlan(entries, None, None, by_file=True))
    return [RowError(lines.get(error.field, 1), error.code, error.message) for error in _errors(plan, command)]


_TOO_MANY = f"転送先は{MOST_ENTRIES}件まで登録できます。この行から先を減らすか、使わない転送先を空にしてください"


def _errors(plan: Plan, command: EditPlan) -> Sequence[FieldError]:
    try:
        decide(command, plan)
    except Rejected as refusal:
        return [*refusal.details.get("errors", ())] or [FieldError("", refusal.code, refusal.message)]
    return ()


def _first(errors: Sequence[RowError]) -> tuple[RowError, ...]:
    """By line, and not more than anybody reads; that there are more is always the last that is said."""
    ordered = sorted(errors, key=lambda error: error.line)
    if len(ordered) <= MOST_ERRORS + 1:
        return tuple(ordered)
    more = f"誤りが多いため、はじめの{MOST_ERRORS}件だけを示しています。直して、もう一度お試しください"
    return (*ordered[:MOST_ERRORS], RowError(ordered[MOST_ERRORS].line, "too-many-errors", more))


@dataclass(frozen=True)
class CsvEdits:
    """Files for plans. A dry run is kept for `lifetime`, and its entries can be applied as long as the plan has those
    that it had then. `complete` and `done` are those of the setting (`chassis.setting`)."""

    plans: Handler[Plan]
    dry_runs: DryRuns
    lifetime: timedelta
    clock: Callable[[], datetime] = now
    complete: Complete = _as_it_is
    done: Callable[[str, Outcome[Plan]], None] = lambda id, outcome: None

    def try_out(self, contract_number: str, plan: Plan, data: bytes, charset: str | None) -> tuple[str, Proposal]:
        """What the file would do to the plan, and the id by which that can be applied."""
        proposal = propose(plan, data, charset, self.complete)
        run = self._run(contract_number, plan, proposal)
        self.dry_runs.keep(run)
        return run.id, proposal

    def take(
        self, contract_number: str, data: bytes, charset: str | None, origin: Origin, guard: Guard, once: Once | None
    ) -> Outcome[Plan]:
        """Applies the file at once. Rejected `invalid-rows` if anything is wrong with it, Conflict `entries-changed`
        if somebody else was faster."""
        plan = self._contracted(contract_number)
        run = self._run(contract_number, plan, propose(plan, data, charset, self.complete))
        return self._carry_out(run, origin, guard, once)

    def apply(self, contract_number: str, id: str, origin: Origin, guard: Guard, once: Once | None) -> Outcome[Plan]:
        """Applies a dry run, as `take`. NotFound `dry-run-not-found` when it has expired or is another contract's."""
        self._contracted(contract_number)
        run = self.dry_runs.find(contract_number, id)
        if run is None or run.expires <= self.clock():
            raise NotFound("dry-run-not-found")
        return self._carry_out(run, origin, guard, once)

    def _contracted(self, contract_number: str) -> Plan:
        plan = self.plans.read(contract_number).state
        if not plan.contracted:
            raise NotFound("not-found")
        return plan

    def _run(self, contract_number: str, plan: Plan, proposal: Proposal) -> DryRun:
        basis, expires = digest(plan.entries), self.clock() + self.lifetime
        return DryRun(uuid.uuid4().hex, contract_number, basis, proposal.entries, proposal.errors, expires)

    def _carry_out(self, run: DryRun, origin: Origin, guard: Guard, once: Once | None) -> Outcome[Plan]:
        def check(plan: Plan) -> None:
            """Not asked of what was done before under the same key. That the entries are there is no conflict."""
            guard(plan)
            if run.errors:
                rows = [error.shown() for error in run.errors]
                raise Rejected("invalid-rows", errors=[_field_error(error) for error in run.errors], rows=rows)
            if digest(plan.entries) not in (run.basis, digest(run.entries)):
                raise Conflict("entries-changed")

        command = self.complete(run.contract_number, EditPlan(run.entries, None, None, by_file=True))
        outcome = self.plans.handle(run.contract_number, command, origin, guard=check, once=once)
        self.done(run.contract_number, outcome)
        return outcome


def _field_error(error: RowError) -> FieldError:
    return FieldError(f"lines.{error.line}", error.code, error.message)


def digest(entries: Mapping[str, str]) -> str:
    """The same for the same entries."""
    return hashlib.sha256(msgspec.json.encode(dict(entries), order="sorted")).hexdigest()
