"""One ready example of every event and command of auth, and of what operators send."""

from typing import Any

from chassis.testing import NOON
from contracts.auth import Contract, ContractChanged, ContractImported, ContractRemoved
from services.auth.model.contract import ImportContract, RemoveContract
from services.auth.model.keyring import ApiKeyCreated, ApiKeyRevoked, CreateApiKey, RevokeApiKey

NUMBER, OTHER = "0600001111", "0600002222"
ELSEWHERE = "0700001111"
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
CHANGED = ContractChanged(Contract(NUMBER, "C-1111", "株式会社つなぐ", "支店", (), {NUMBER: ()}))
REMOVED = ContractRemoved(NUMBER)
IMPORT = ImportContract(CONTRACT, changes=0)
REMOVE = RemoveContract()

KEY_HASH = "ab" * 32
KEY_ID = KEY_HASH[:16]
KEY_CREATED = ApiKeyCreated(KEY_ID, KEY_HASH, "noc-west", ("line-events",), NOON)
KEY_REVOKED = ApiKeyRevoked(KEY_ID)
CREATE_KEY = CreateApiKey(KEY_ID, KEY_HASH, "noc-west", ("line-events",), NOON)
REVOKE_KEY = RevokeApiKey(KEY_ID)


def plain(number: str, *others: str, circuit: str = "") -> Contract:
    """A contract of which only its names matter."""
    return Contract(number, circuit, "", "", (), dict.fromkeys(sorted({number, *others}), ()))
