"""One ready example of every event, command and report of linewatch, and of every foreign event that it hears."""

from datetime import timedelta
from typing import Any

from chassis.testing import NOON
from contracts.auth import Contract, ContractChanged, ContractImported, ContractRemoved
from contracts.linewatch import LineFaulted, LineFaultWorsened, LineFlapping, LineRecovered
from services.linewatch.model.line import AlarmCleared, AlarmIgnored, AlarmRaised, Clear, Raise, Rules

NUMBER = "0600001111"
OTHER = "0600002222"
FAULT = f"{NUMBER}-1"
KEY = "noc-west|los"
LATER = NOON + timedelta(minutes=10)

RULES = Rules()

CONTRACT = Contract(NUMBER, "C-1111", "株式会社つなぐ", "本店", (), {NUMBER: (), OTHER: ()})
CONTRACT_IMPORTED = ContractImported(CONTRACT)
CONTRACT_CHANGED = ContractChanged(CONTRACT)
CONTRACT_REMOVED = ContractRemoved(NUMBER)

RAISE = Raise(NUMBER, "noc-west", "los", "e1", "major", "断線", planned=False, at=NOON, received=NOON, rules=RULES)
CLEAR = Clear(NUMBER, "noc-west", "los", "e2", LATER, LATER, RULES)

ALARM_RAISED = AlarmRaised(
    KEY, "noc-west", "e1", "major", "断線", False, slight=False, since=NOON, at=NOON, received=NOON
)
ALARM_CLEARED = AlarmCleared(KEY, "noc-west", "e2", LATER, LATER)
ALARM_IGNORED = AlarmIgnored(KEY, "noc-west", "e2", "recovery-before-fault", LATER)
LINE_FAULTED = LineFaulted(NUMBER, FAULT, "major", "断線", NOON)
LINE_FAULT_WORSENED = LineFaultWorsened(NUMBER, FAULT, "critical", "断線", NOON)
LINE_RECOVERED = LineRecovered(NUMBER, FAULT, NOON, LATER)
LINE_FLAPPING = LineFlapping(NUMBER, FAULT, 4, NOON)

REPORT: dict[str, Any] = {
    "id": "e1",
    "source": "noc-west",
    "line": NUMBER,
    "status": "faulted",
    "severity": "critical",
    "occurred_at": "2026-01-15T12:00:00+09:00",
    "cause": "断線",
    "alarm": "los",
}
RECOVERY: dict[str, Any] = REPORT | {"id": "e2", "status": "recovered", "occurred_at": "2026-01-15T12:10:00+09:00"}
