"""One example of every command, and of every event and answer that faxstore hears, says or keeps."""

from datetime import UTC, datetime

from chassis.testing import NOON
from contracts.auth import Contract, ContractChanged, ContractImported, ContractRemoved
from contracts.faxstore import FaxDeleted, FaxMailChanged, FaxReceived
from services.faxstore.model.fax import (
    AbandonContent,
    ContentAbandoned,
    ContentKept,
    ContentRemoved,
    CopiesFailed,
    CopiesMade,
    CopiesWanted,
    DeleteFax,
    ExpireFax,
    FaxMarked,
    MarkFax,
    NoteCopies,
    NoteFailure,
    NoteRemoval,
    ReceiveFax,
    WantCopies,
)
from services.faxstore.model.setting import EditFaxMail, FaxDeletionNoted, NoteFaxDeletion, NoteNumber, NumberNoted

CONTRACT, NUMBER, ELSEWHERE = "0600001111", "0600002222", "0720001111"
CALLER = "0312345678"
ANNE, BEN = "anne@example.jp", "ben@example.jp"
FIRST, LATER = "0000000001.0000", "0000000002.0000"
AT = datetime(2026, 11, 23, 0, 0, tzinfo=UTC)
FAX, CONTENT, COPIES = "f-1", "c0ffee", "c0ffee.1"

GUIDE = Contract(
    CONTRACT,
    "C-1111",
    "株式会社つなぐ",
    "本店",
    ("bulk-forward", "fault-notice"),
    {CONTRACT: ("voicewarp", "incoming-mail"), NUMBER: ("incoming-mail", "fax-mail")},
)
CONTRACT_IMPORTED = ContractImported(GUIDE)
CONTRACT_CHANGED = ContractChanged(
    Contract(CONTRACT, "C-1111", "株式会社つなぐ", "本店", (), {CONTRACT: ("voicewarp",)}), (NUMBER,)
)
CONTRACT_REMOVED = ContractRemoved(CONTRACT, (CONTRACT, NUMBER))

NOTED = NumberNoted(NUMBER, CONTRACT, True, FIRST)
NOTE = NoteNumber(NUMBER, CONTRACT, True, FIRST, NOON)
EDIT = EditFaxMail(True, (ANNE, BEN))
CHANGED = FaxMailChanged(NUMBER, CONTRACT, True, (ANNE, BEN))
GONE = FaxDeletionNoted(FAX, NUMBER, CONTRACT, CALLER, AT, "manual")
NOTE_GONE = NoteFaxDeletion(GONE)

RECEIVED = FaxReceived(FAX, NUMBER, CONTRACT, CALLER, "image/tiff", 3, 1024, "ab" * 32, AT, (ANNE,))
KEPT = ContentKept(CONTENT, NOON)
STORED = (RECEIVED, KEPT)
RECEIVE = ReceiveFax(RECEIVED, CONTENT, NOON)
DELETE, EXPIRE, READ, UNREAD = DeleteFax(), ExpireFax(NOON), MarkFax(True), MarkFax(False)
NOTE_COPIES, NOTE_FAILURE = NoteCopies(COPIES), NoteFailure("document-not-shown")
ABANDON, NOTE_REMOVAL = AbandonContent(CONTENT), NoteRemoval()
DELETED = FaxDeleted(FAX, NUMBER, CONTRACT, "manual")
EXPIRED = FaxDeleted(FAX, NUMBER, CONTRACT, "expired")
ABANDONED, REMOVED = ContentAbandoned(CONTENT), ContentRemoved()
MARKED, UNMARKED = FaxMarked(True), FaxMarked(False)
WANT, WANTED = WantCopies(), CopiesWanted()
MADE, FAILED = CopiesMade(COPIES), CopiesFailed("document-not-shown")
