"""One ready example of every event and command of ivr, and of every foreign event that it hears."""

from datetime import timedelta

from chassis.testing import NOON
from contracts.auth import Contract, ContractChanged, ContractImported, ContractRemoved
from contracts.ivr import PasswordIssued
from services.ivr.model import (
    CallConnected,
    CallEnded,
    Connect,
    EndKeyIgnored,
    HangUp,
    KeepSilent,
    KeysTyped,
    NumberChosen,
    PasswordEntered,
    Press,
    UnitChosen,
    WrongInput,
)
from services.ivr.tests.stand_ins import PaperVault

CALL = "5b1f6c0e-4c5e-4e0f-8d5a-0c3c5f1a2b3d"
NUMBER, OTHER, STRANGER = "0600001111", "0600002222", "0720001111"
PASSWORD = "19283746"
NOISE, SALT = b"noise-of-16-byte", b"salt--of-16-byte"
SEQUENCE, KNOWN = 7, "0000000001.0000"
LATER = NOON + timedelta(minutes=1)
VAULT = PaperVault()

CONTRACT = Contract(NUMBER, "C-1111", "株式会社つなぐ", "本店", (), {NUMBER: (), OTHER: ()})
CONTRACT_IMPORTED = ContractImported(CONTRACT)
CONTRACT_CHANGED = ContractChanged(CONTRACT)
CONTRACT_REMOVED = ContractRemoved(NUMBER)

CONNECT = Connect(CALL, NUMBER, NUMBER, NOON)
PRESS = Press("1", frozenset({NUMBER, OTHER}), NOISE, SALT, LATER, SEQUENCE, KNOWN)
KEEP_SILENT = KeepSilent(LATER)
HANG_UP = HangUp(LATER)

CALL_CONNECTED = CallConnected(CALL, NUMBER, NUMBER, NOON)
KEYS_TYPED = KeysTyped(VAULT.seal("1928", CALL, NOISE))
UNIT_CHOSEN = UnitChosen("line")
NUMBER_CHOSEN = NumberChosen(NUMBER)
PASSWORD_ENTERED = PasswordEntered(VAULT.seal(PASSWORD, CALL, NOISE))
WRONG_INPUT = WrongInput("password")
END_KEY_IGNORED = EndKeyIgnored()
PASSWORD_ISSUED = PasswordIssued(NUMBER, NUMBER, "line", VAULT.verifier(PASSWORD, SALT), LATER, CALL, SEQUENCE, KNOWN)
CALL_ENDED = CallEnded("issued", LATER)
