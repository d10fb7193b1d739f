"""One ready example of every event and command of auth, and of what operators send."""

from datetime import timedelta
from typing import Any

from chassis.testing import NOON
from contracts.auth import (
    Contract,
    ContractChanged,
    ContractImported,
    ContractRemoved,
    GuessIgnored,
    LoginFailed,
    LoginSucceeded,
    PasswordChanged,
    PasswordInvalidated,
)
from contracts.ivr import PasswordIssued
from services.auth.model.contract import ImportContract, RemoveContract
from services.auth.model.credential import (
    ChangePassword,
    CurrentPasswordWrong,
    EndSession,
    Guess,
    LogIn,
    NoteTemporaryPassword,
    SessionsEnded,
    SessionStarted,
    TemporaryPasswordSet,
    VerifierRenewed,
    VerifierSet,
)
from services.auth.model.keyring import ApiKeyCreated, ApiKeyRevoked, CreateApiKey, RevokeApiKey

NUMBER, OTHER = "0600001111", "0600002222"
ELSEWHERE = "0720001111"
CONTRACT = Contract(
    NUMBER,
    "C-1111",
    "株式会社つなぐ",
    "本店",
    ("bulk-forward", "fault-notice"),
    {NUMBER: ("incoming-mail", "voicewarp"), OTHER: ("fax-mail", "incoming-mail")},
)
SHOWN: dict[str, Any] = {
    "contract_number": NUMBER,
    "circuit": "C-1111",
    "contractor": "株式会社つなぐ",
    "site": "本店",
    "options": ["bulk-forward", "fault-notice"],
    "numbers": {NUMBER: ["incoming-mail", "voicewarp"], OTHER: ["fax-mail", "incoming-mail"]},
}
IMPORTED = ContractImported(CONTRACT)
CHANGED = ContractChanged(Contract(NUMBER, "C-1111", "株式会社つなぐ", "支店", (), {NUMBER: ()}), left=(OTHER,))
REMOVED = ContractRemoved(NUMBER, left=(NUMBER, OTHER))
IMPORT = ImportContract(CONTRACT, changes=0)
REMOVE = RemoveContract()

KEY_HASH = "ab" * 32
KEY_ID = KEY_HASH[:16]
KEY_CREATED = ApiKeyCreated(KEY_ID, KEY_HASH, "noc-west", ("line-events",), NOON)
KEY_REVOKED = ApiKeyRevoked(KEY_ID)
CREATE_KEY = CreateApiKey(KEY_ID, KEY_HASH, "noc-west", ("line-events",), NOON)
REVOKE_KEY = RevokeApiKey(KEY_ID)

# A customer of the guide's contract, who chose the unit of administrator and user.
VERIFIER, LASTING_VERIFIER, NEWER_VERIFIER = "$argon2id$temporary", "$argon2id$lasting", "$argon2id$newer"
TENURE = f"{NUMBER}@1"
SESSION, NEXT_SESSION = "0123456789abcdef", "fedcba9876543210"
CHANGED_AT = NOON + timedelta(hours=1)
ISSUED = PasswordIssued(NUMBER, NUMBER, "admin-user", VERIFIER, NOON, "call-1")
TEMPORARY_SET = TemporaryPasswordSet(NUMBER, NUMBER, "admin-user", NOON, TENURE)
TEMPORARY_VERIFIER_SET = VerifierSet("temporary", VERIFIER, NOON)
LASTING_SET = VerifierSet("lasting", LASTING_VERIFIER, CHANGED_AT)
RENEWED = VerifierRenewed(NEWER_VERIFIER)
STARTED = SessionStarted(SESSION, CHANGED_AT, False)
ENDED = SessionsEnded(NUMBER, (SESSION,), "logged-out")
CURRENT_WRONG = CurrentPasswordWrong(NUMBER)
IGNORED = GuessIgnored()
PASSWORD_CHANGED = PasswordChanged(NUMBER, NUMBER, "admin-user")
SUCCEEDED = LoginSucceeded(NUMBER, NUMBER, "admin-user", False)
FAILED = LoginFailed(NUMBER, NUMBER, "admin-user", 1)
INVALIDATED = PasswordInvalidated(NUMBER, NUMBER, "admin-user", False)
NOTE = NoteTemporaryPassword(NUMBER, NUMBER, "admin-user", VERIFIER, NOON, TENURE)
LOG_IN = LogIn(Guess(LASTING_VERIFIER, True), SESSION, TENURE, CHANGED_AT)
CHANGE = ChangePassword(Guess(VERIFIER, True), SESSION, LASTING_VERIFIER, NEXT_SESSION, TENURE, CHANGED_AT)
END = EndSession(SESSION)


def plain(number: str, *others: str, circuit: str = "") -> Contract:
    """A contract of which only its names matter."""
    return Contract(number, circuit, "", "", (), dict.fromkeys(sorted({number, *others}), ()))
