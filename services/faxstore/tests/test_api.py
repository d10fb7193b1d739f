import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec import structs

from chassis.auth import Principal
from chassis.consumer import Intake
from chassis.handling import Handler
from chassis.messages import Codec
from chassis.testing import OPERATOR, deliver, recorded
from chassis.views import Views
from contracts import events_of
from contracts.auth import Contract, ContractChanged, ContractImported
from services.faxstore import api
from services.faxstore.adapters import Spool
from services.faxstore.bootstrap import CODEC, HEARD, NAME, build
from services.faxstore.flows import Shelf
from services.faxstore.model import fax, setting
from services.faxstore.reactions import reactions
from services.faxstore.settings import Settings
from services.faxstore.tasks import Developer
from services.faxstore.tests.examples import (
    ANNE,
    BEN,
    CALLER,
    CONTRACT,
    CONTRACT_CHANGED,
    CONTRACT_IMPORTED,
    CONTRACT_REMOVED,
    ELSEWHERE,
    GONE,
    NUMBER,
)
from services.faxstore.tests.stand_ins import PDF, TIFF, Glance, MemoryContents, MemoryFaxes

Headers = dict[str, str]
# A FlaskClient, whose answers' `json` the type checker takes for optional.
Client = Any
MAIL, FAXES = f"/numbers/{NUMBER}/fax-mail", f"/numbers/{NUMBER}/faxes"
MOST = 3
BOTH_HAVE_IT = ContractChanged(
    Contract(CONTRACT, "C-1111", "", "", (), {CONTRACT: ("fax-mail",), NUMBER: ("fax-mail",)}), ()
)


@pytest.fixture
def store(watched_store: Callable[[Codec], Any]) -> Any:
    """A store that has heard of the guide's contract."""
    store = watched_store(CODEC)
    hear(store, CONTRACT_IMPORTED, 1)
    return store


def hear(store: Any, event: object, revision: int) -> None:
    intake = Intake(NAME, Codec(events_of(*HEARD)), reactions(Handler(store, setting.DECIDER, setting.CATEGORY)))
    deliver(intake, recorded(event, f"contract-{CONTRACT}", revision))


@pytest.fixture
def contents() -> MemoryContents:
    return MemoryContents()


@pytest.fixture
def rows() -> MemoryFaxes:
    return MemoryFaxes()


@pytest.fixture
def darkroom() -> Glance:
    return Glance()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def client(store: Any, contents: MemoryContents, rows: MemoryFaxes, darkroom: Glance, spool: Path, keys: Any) -> Client:
    settings = Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public, spool, most_faxes=MOST)
    parts = {"store": store, "views": cast(Views, rows), "contents": contents, "darkroom": darkroom}
    return build(settings, **parts).app().test_client()


@pytest.fixture
def developer(store: Any, contents: MemoryContents, rows: MemoryFaxes, darkroom: Glance, spool: Path) -> Developer:
    numbers = Handler(store, setting.DECIDER, setting.CATEGORY)
    shelf = Shelf(numbers, Handler(store, fax.DECIDER, fax.CATEGORY), cast(Views, rows), contents)
    return Developer(shelf, Spool(spool), darkroom)


@pytest.fixture
def as_receiver(keys: Any) -> Headers:
    return dict(keys.caller(Principal("machine", "fax-gateway", frozenset({"faxes"}))))


@pytest.fixture
def customer(as_customer: Headers) -> Headers:
    return as_customer | {"If-Match": "*"}


Send = Callable[..., Any]


@pytest.fixture
def send(client: Client, as_receiver: Headers) -> Send:
    """Sends a fax; fields that are None are left out."""

    def send(id: str = "f-1", document: Any = TIFF, name: str = "fax.tif", **fields: Any) -> Any:
        form = {"id": id, "called": NUMBER, "caller": CALLER, "received_at": "2026-11-23T09:00:00+09:00", **fields}
        data = {field: value for field, value in form.items() if value is not None}
        if document is not None:
            data["document"] = (BytesIO(document), name)
        return client.post("/faxes", data=data, headers=as_receiver, content_type="multipart/form-data")

    return send


def errors_of(answer: Any) -> dict[str, str]:
    return {error["field"]: error["code"] for error in answer.json["errors"]}


def listed(client: Client, headers: Headers, query: str = "") -> list[str]:
    return [item["id"] for item in client.get(FAXES + query, headers=headers).json["items"]]


# Taking faxes.


def test_a_fax_comes_out_as_it_was_sent(client: Client, send: Send, as_customer: Headers) -> None:
    answer = send()
    listed = client.get(FAXES, headers=as_customer)
    document = client.get(f"{FAXES}/f-1/document", headers=as_customer)

    assert (answer.status_code, answer.json) == (201, {"id": "f-1", "status": "stored"})
    item = {
        "id": "f-1",
        "caller": CALLER,
        "received_at": "2026-11-23T00:00:00+00:00",
        "pages": 3,
        "size": len(TIFF),
        "read": False,
    }
    assert listed.json == {"items": [item], "next": None}
    assert (document.data, document.mimetype, document.content_length) == (TIFF, "image/tiff", len(TIFF))
    assert document.headers["Content-Disposition"] == f'attachment; filename="fax-20261123-090000-{NUMBER}.tif"'
    assert (document.headers["Cache-Control"], document.headers["X-Content-Type-Options"]) == (
        "private, no-store",
        "nosniff",
    )


def test_the_same_fax_again_is_no_new_one(client: Client, send: Send, as_customer: Headers, darkroom: Glance) -> None:
    send()

    again = send(received_at="2026-11-23T09:00:05+09:00")

    assert (again.status_code, again.json) == (200, {"id": "f-1", "status": "duplicate"})
    assert listed(client, as_customer) == ["f-1"]
    assert darkroom.looks == 1


@pytest.mark.parametrize("other", [{"document": PDF}, {"caller": ""}, {"called": CONTRACT}])
def test_another_fax_under_the_same_id_is_refused(send: Send, store: Any, other: dict[str, Any]) -> None:
    hear(store, BOTH_HAVE_IT, 2)
    send()

    answer = send(**other)

    assert (answer.status_code, answer.json["code"]) == (409, "fax-differs")


@pytest.mark.parametrize("caller", [None, ""])
def test_a_withheld_caller_is_null(client: Client, send: Send, as_customer: Headers, caller: str | None) -> None:
    assert send(caller=caller).status_code == 201

    assert client.get(f"{FAXES}/f-1", headers=as_customer).json["caller"] is None


def test_numbers_are_taken_as_people_write_them(client: Client, send: Send, as_customer: Headers) -> None:
    assert send(called="06-0000-2222", caller="０３ 1234-5678").status_code == 201

    assert client.get(f"{FAXES}/f-1", headers=as_customer).json["caller"] == CALLER


def test_the_file_s_name_and_type_mean_nothing(client: Client, send: Send, as_customer: Headers) -> None:
    assert send(document=PDF, name="../../etc/passwd%0d%0aX: y.tif\0").status_code == 201

    document = client.get(f"{FAXES}/f-1/document", headers=as_customer)
    assert document.mimetype == "application/pdf"
    assert document.headers["Content-Disposition"] == f'attachment; filename="fax-20261123-090000-{NUMBER}.pdf"'


def test_a_number_without_the_option_takes_no_fax(send: Send, darkroom: Glance) -> None:
    answer = send(called=CONTRACT)

    assert (answer.status_code, answer.json["code"]) == (403, "called-not-contracted")
    assert darkroom.looks == 0


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"id": None}, "id", "missing-field"),
        ({"id": ""}, "id", "wrong-format"),
        ({"id": "../f"}, "id", "wrong-format"),
        ({"id": ".."}, "id", "wrong-format"),
        ({"id": "f\n1"}, "id", "wrong-format"),
        ({"id": "f" * 129}, "id", "wrong-format"),
        ({"called": None}, "called", "missing-field"),
        ({"caller": "fax machine"}, "caller", "not-a-number"),
        ({"received_at": "yesterday"}, "received_at", "wrong-format"),
        ({"received_at": "2026-11-23T09:00:00"}, "received_at", "wrong-format"),
        ({"received_at": "0001-01-01T00:00:00+09:00"}, "received_at", "out-of-range"),
        ({"received_at": "9999-12-31T23:59:59-09:00"}, "received_at", "out-of-range"),
        ({"document": None}, "document", "missing-field"),
        ({"document": None, "document_": TIFF.decode()}, "document_", "unknown-field"),
        ({"colour": "red"}, "colour", "unknown-field"),
        ({"id": ["a", "b"]}, "id", "repeated-field"),
    ],
)
def test_a_form_that_is_not_right_is_refused_by_field(send: Send, fields: Any, field: str, code: str) -> None:
    answer = send(**fields)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-body")
    assert errors_of(answer)[field] == code


def test_a_document_that_is_no_file_is_refused(client: Client, send: Send, as_receiver: Headers) -> None:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="document"\r\n\r\nII*\0\r\n'
        b'--x\r\nContent-Disposition: form-data; name="id"\r\n\r\nf-1\r\n--x--\r\n'
    )
    headers = as_receiver | {"Content-Type": "multipart/form-data; boundary=x"}

    assert errors_of(client.post("/faxes", data=body, headers=headers))["document"] == "not-a-file"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"nothing of it"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="document"; filename="a"\r\n\r\nII',
        ),
        ("multipart/form-data; boundary=\xe9", b"--x\r\n"),
    ],
)
def test_a_body_that_is_no_form_is_refused(
    client: Client, as_receiver: Headers, spool: Path, content_type: str, body: bytes
) -> None:
    answer = client.post("/faxes", data=body, headers=as_receiver | {"Content-Type": content_type})

    assert (answer.status_code, answer.json["code"]) in [(400, "unreadable-form"), (422, "invalid-body")]
    assert not list(spool.iterdir())


def test_another_type_of_body_is_not_taken(client: Client, as_receiver: Headers) -> None:
    assert client.post("/faxes", json={"id": "f-1"}, headers=as_receiver).status_code == 415


def test_what_is_no_fax_is_refused_and_leaves_nothing(send: Send, contents: MemoryContents, spool: Path) -> None:
    answer = send(document=b"MZ\0")

    assert (answer.status_code, answer.json["code"]) == (422, "document-type-unknown")
    assert not contents.documents
    assert not contents.uploads
    assert not list(spool.iterdir())


def test_a_document_of_more_than_20_mb_is_refused_in_words(send: Send, spool: Path) -> None:
    largest = TIFF + bytes(api.LARGEST_DOCUMENT - len(TIFF))

    assert send(document=largest).status_code == 201
    answer = send("f-2", document=largest + b"\0")
    huge = send("f-3", document=bytes(api.LARGEST_BODY))

    assert (answer.status_code, answer.json["code"]) == (413, "document-too-large")
    assert (huge.status_code, huge.json["code"]) == (413, "body-too-large")
    assert not list(spool.iterdir())


def test_a_document_may_have_anything_in_it(client: Client, send: Send, as_customer: Headers) -> None:
    """The form's reader keeps a line's beginning back, as it might be a boundary's."""
    document = TIFF + b"\r\n--" * 100_000 + bytes(range(256)) * 1_000

    assert send(document=document).status_code == 201

    assert client.get(f"{FAXES}/f-1/document", headers=as_customer).data == document


def test_too_many_parts_are_refused(client: Client, as_receiver: Headers) -> None:
    answer = client.post("/faxes", data={f"field-{n}": "x" for n in range(20)} | {"d": (BytesIO(b""), "d")},
                         headers=as_receiver)  # fmt: skip

    assert answer.status_code == 413


def test_a_full_mailbox_takes_no_more_until_something_is_deleted(
    client: Client, send: Send, as_customer: Headers, contents: MemoryContents
) -> None:
    assert [send(f"f-{n}").status_code for n in range(MOST)] == [201] * MOST

    refused, again = send("f-9"), send("f-1")

    assert (refused.status_code, refused.json["code"]) == (507, "mailbox-full")
    assert again.status_code == 200
    assert len(contents.documents) == MOST


def test_only_receivers_send(client: Client, request: pytest.FixtureRequest) -> None:
    for caller, status in [("as_customer", 403), ("as_switch", 403), ("as_operator", 403), ("as_nobody", 401)]:
        headers = request.getfixturevalue(caller)
        assert client.post("/faxes", data={"id": "f"}, headers=headers).status_code == status


def test_a_store_that_is_away_takes_nothing(send: Send, store: Any, contents: MemoryContents) -> None:
    contents.failing = {"keep"}

    answer = send()

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert len(contents.uploads) == 1  # The sweep finds it by this.


def test_what_is_taken_is_taken_though_its_note_and_row_fail(
    client: Client, send: Send, contents: MemoryContents, rows: MemoryFaxes, as_customer: Headers
) -> None:
    contents.failing, rows.away = {"settle"}, True

    assert send().status_code == 201
    assert client.get(f"{FAXES}/f-1/document", headers=as_customer).data == TIFF


def test_a_fax_knows_whom_to_tell(client: Client, send: Send, store: Any, customer: Headers) -> None:
    send("before")
    client.put(MAIL, json={"started": True, "addresses": [ANNE, BEN]}, headers=customer)
    send("while")
    client.post(f"{MAIL}/stop", headers=customer)
    send("after")

    faxes = Handler(store, fax.DECIDER, fax.CATEGORY)
    told = {id: faxes.read(id).state.received for id in ("before", "while", "after")}
    assert {id: one and one.addresses for id, one in told.items()} == {"before": (), "while": (ANNE, BEN), "after": ()}
    assert told["while"]
    assert told["while"].checksum == hashlib.sha256(TIFF).hexdigest()


# Seeing faxes.


def test_the_list_goes_on_page_by_page(client: Client, send: Send, as_customer: Headers) -> None:
    for id, hour in (("a", 9), ("b", 11), ("c", 11)):
        send(id, received_at=f"2026-11-23T{hour:02}:00:00+09:00")

    first = client.get(f"{FAXES}?limit=2", headers=as_customer).json
    rest = client.get(FAXES, query_string={"limit": 2, "before": first["next"]}, headers=as_customer).json

    assert [item["id"] for item in first["items"]] == ["c", "b"]
    assert [item["id"] for item in rest["items"]] == ["a"]
    assert rest["next"] is None


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "before=x", "before=12-", "before=9999999999999-a%0a", "a=1"]
)
def test_a_query_that_is_not_right_is_refused(client: Client, as_customer: Headers, query: str) -> None:
    answer = client.get(f"{FAXES}?{query}", headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid-query")


def test_to_have_the_document_is_to_have_read_the_fax(client: Client, send: Send, as_customer: Headers) -> None:
    send()

    assert not client.get(f"{FAXES}/f-1", headers=as_customer).json["read"]
    client.get(f"{FAXES}/f-1/document", headers=as_customer)

    assert client.get(f"{FAXES}/f-1", headers=as_customer).json["read"]
    assert client.get(FAXES, headers=as_customer).json["items"][0]["read"]


def test_an_operator_or_a_look_at_the_headers_leaves_it_unread(
    client: Client, send: Send, as_customer: Headers, as_operator: Headers
) -> None:
    send()

    assert client.get(f"{FAXES}/f-1/document", headers=as_operator).data == TIFF
    assert client.head(f"{FAXES}/f-1/document", headers=as_customer).status_code == 200

    assert not client.get(f"{FAXES}/f-1", headers=as_customer).json["read"]


def test_a_fax_is_marked_read_and_unread(client: Client, send: Send, as_customer: Headers) -> None:
    send()

    read = client.post(f"{FAXES}/f-1/read", headers=as_customer)
    again = client.post(f"{FAXES}/f-1/read", json={}, headers=as_customer)
    unread = client.post(f"{FAXES}/f-1/unread", headers=as_customer)

    assert [answer.json["read"] for answer in (read, again, unread)] == [True, True, False]


def test_who_has_the_document_is_told_so(client: Client, send: Send, as_customer: Headers) -> None:
    send()
    tag = client.get(f"{FAXES}/f-1/document", headers=as_customer).headers["ETag"]

    answer = client.get(f"{FAXES}/f-1/document", headers=as_customer | {"If-None-Match": tag})

    assert (answer.status_code, answer.data) == (304, b"")


def test_a_fax_is_shown_as_soon_as_it_is_developed(
    client: Client, send: Send, as_customer: Headers, developer: Developer
) -> None:
    send()

    early = [client.get(f"{FAXES}/f-1/{name}", headers=as_customer) for name in ("pdf", "pages/1.png")]
    assert {(one.status_code, one.json["code"], one.headers["Retry-After"]) for one in early} == {
        (503, "copies-not-ready", "2")
    }
    assert client.get(f"{FAXES}/f-1", headers=as_customer).json["shown"] == "not-yet"
    developer.develop("f-1")

    pdf = client.get(f"{FAXES}/f-1/pdf", headers=as_customer)
    pages = [client.get(f"{FAXES}/f-1/pages/{page}.png", headers=as_customer) for page in range(5)]
    assert (pdf.data, pdf.mimetype) == (b"pdf of " + TIFF, "application/pdf")
    assert pdf.headers["Content-Disposition"] == f'attachment; filename="fax-20261123-090000-{NUMBER}.pdf"'
    assert [page.status_code for page in pages] == [404, 200, 200, 200, 404]
    assert (pages[2].data, pages[2].mimetype) == (b"page 2 of " + TIFF, "image/png")
    assert pages[2].headers["Content-Disposition"].startswith("inline;")
    assert len({page.headers["ETag"] for page in pages[1:4]} | {pdf.headers["ETag"]}) == 4
    assert client.get(f"{FAXES}/f-1", headers=as_customer).json["shown"] == "yes"


@pytest.mark.parametrize("look", ["", "/pdf", "/pages/1.png"])
def test_what_a_customer_looks_at_is_made_first(
    client: Client, send: Send, as_customer: Headers, store: Any, rows: MemoryFaxes, developer: Developer, look: str
) -> None:
    send()
    client.get(FAXES, headers=as_customer)
    assert rows.rows["f-1"]["chore"] == "copies"

    for _ in range(2):
        client.get(f"{FAXES}/f-1{look}", headers=as_customer)

    assert rows.rows["f-1"]["chore"] == "wanted-copies"
    assert [one.type for one in store.scan()].count("CopiesWanted") == 1
    developer.develop("f-1")
    assert rows.rows["f-1"]["chore"] is None


def test_that_a_look_cannot_be_noted_keeps_nobody_from_looking(
    client: Client, send: Send, as_customer: Headers, rows: MemoryFaxes
) -> None:
    send()
    rows.away = True

    assert client.get(f"{FAXES}/f-1", headers=as_customer).status_code == 200


def test_a_pdf_is_its_own_pdf_at_once(client: Client, send: Send, as_customer: Headers, developer: Developer) -> None:
    send(document=PDF)

    assert client.get(f"{FAXES}/f-1/pdf", headers=as_customer).data == PDF
    developer.develop("f-1")
    assert client.get(f"{FAXES}/f-1/pages/1.png", headers=as_customer).data == b"page 1 of " + PDF


def test_what_cannot_be_shown_can_still_be_downloaded(
    client: Client, send: Send, as_customer: Headers, developer: Developer, contents: MemoryContents
) -> None:
    send(document=TIFF + b" hopeless")
    developer.develop("f-1")

    answer = client.get(f"{FAXES}/f-1/pages/1.png", headers=as_customer)

    assert (answer.status_code, answer.json["code"]) == (404, "cannot-be-shown")
    assert client.get(f"{FAXES}/f-1/document", headers=as_customer).status_code == 200
    assert client.get(f"{FAXES}/f-1", headers=as_customer).json["shown"] == "never"
    assert not contents.copies
    assert not contents.uploads


def test_a_deleted_fax_is_gone_at_once_and_does_not_come_back(client: Client, send: Send, as_customer: Headers) -> None:
    send()

    assert client.delete(f"{FAXES}/f-1", headers=as_customer).status_code == 204

    assert listed(client, as_customer) == []
    paths = [f"{FAXES}/f-1{rest}" for rest in ("", "/document", "/pdf", "/pages/1.png")]
    assert [client.get(path, headers=as_customer).status_code for path in paths] == [404] * 4
    assert client.delete(f"{FAXES}/f-1", headers=as_customer).status_code == 404
    assert client.post(f"{FAXES}/f-1/read", headers=as_customer).status_code == 404
    assert send().json["status"] == "duplicate"
    assert listed(client, as_customer) == []


def test_a_delete_may_be_for_a_state_only(client: Client, send: Send, as_customer: Headers) -> None:
    send()
    seen = client.get(f"{FAXES}/f-1", headers=as_customer).headers["ETag"]
    client.post(f"{FAXES}/f-1/read", headers=as_customer)

    answer = client.delete(f"{FAXES}/f-1", headers=as_customer | {"If-Match": seen})

    assert (answer.status_code, answer.json["current"]["read"]) == (412, True)


EVERY = [
    ("GET", ""),
    ("DELETE", ""),
    ("POST", "/read"),
    ("POST", "/unread"),
    ("GET", "/document"),
    ("GET", "/pdf"),
    ("GET", "/pages/1.png"),
]


@pytest.mark.parametrize("caller", ["as_stranger", "as_monitor", "as_receiver"])
@pytest.mark.parametrize(("method", "path"), EVERY)
def test_nobody_else_learns_that_there_is_a_fax(
    client: Client, send: Send, method: str, path: str, caller: str, request: pytest.FixtureRequest
) -> None:
    send()

    answer = client.open(f"{FAXES}/f-1{path}", method=method, headers=request.getfixturevalue(caller))

    assert (answer.status_code, answer.json["code"]) == (404, "not-found")


@pytest.mark.parametrize(("method", "path"), EVERY)
def test_a_fax_is_not_found_under_another_number(
    client: Client, store: Any, send: Send, as_customer: Headers, method: str, path: str
) -> None:
    hear(store, BOTH_HAVE_IT, 2)
    send()

    answer = client.open(f"/numbers/{CONTRACT}/faxes/f-1{path}", method=method, headers=as_customer)

    assert answer.status_code == 404


@pytest.mark.parametrize(("method", "path"), [*EVERY, ("GET", "/..")])
def test_a_fax_is_hidden_when_the_option_has_ended(
    client: Client, store: Any, send: Send, as_customer: Headers, method: str, path: str
) -> None:
    send()
    hear(store, CONTRACT_CHANGED, 2)

    assert client.open(f"{FAXES}/f-1{path}", method=method, headers=as_customer).status_code == 404
    assert client.get(FAXES, headers=as_customer).status_code == 404
    assert client.get(f"/numbers/{NUMBER}/history", headers=as_customer).status_code == 200


def test_a_new_contract_of_the_same_number_sees_nothing_of_the_one_before(
    client: Client, store: Any, send: Send, customer: Headers
) -> None:
    send()
    client.put(MAIL, json={"addresses": [ANNE]}, headers=customer)
    hear(store, CONTRACT_REMOVED, 2)
    intake = Intake(NAME, Codec(events_of(*HEARD)), reactions(Handler(store, setting.DECIDER, setting.CATEGORY)))
    much_later = datetime(2100, 1, 1, tzinfo=UTC)
    deliver(intake, structs.replace(recorded(CONTRACT_IMPORTED, f"contract-{CONTRACT}", 3), at=much_later))

    assert listed(client, customer) == []
    assert client.get(f"{FAXES}/f-1", headers=customer).status_code == 404
    assert client.get("/me/fax-mail", headers=customer).json == {"numbers": {NUMBER: {"started": False, "unread": 0}}}
    assert client.get(MAIL, headers=customer).json == {"started": False, "addresses": []}


def test_the_next_owner_of_a_number_sees_no_fax_of_the_one_before(
    client: Client, store: Any, send: Send, as_customer: Headers, keys: Any
) -> None:
    send()
    hear(store, CONTRACT_CHANGED, 2)
    other = Contract("0720001111", "C-2", "", "", (), {NUMBER: ("fax-mail",)})
    intake = Intake(NAME, Codec(events_of(*HEARD)), reactions(Handler(store, setting.DECIDER, setting.CATEGORY)))
    deliver(intake, recorded(ContractImported(other), "contract-0720001111", 1))
    next_owner = keys.caller(Principal("customer", "0720001111", frozenset(), "0720001111", frozenset({NUMBER})))

    assert listed(client, next_owner) == []
    assert client.get(f"{FAXES}/f-1", headers=next_owner).status_code == 404
    assert client.get(FAXES, headers=as_customer).status_code == 404
    assert send("f-2").status_code == 201
    assert listed(client, next_owner) == ["f-2"]


# FAX mail.


def test_a_new_fax_mail_is_off(client: Client, as_customer: Headers) -> None:
    assert client.get(MAIL, headers=as_customer).json == {"started": False, "addresses": []}


def test_all_numbers_are_told_of_at_once(client: Client, send: Send, customer: Headers, as_operator: Headers) -> None:
    client.put(MAIL, json={"started": True, "addresses": [ANNE]}, headers=customer)
    for id in ("f-1", "f-2", "f-3"):
        send(id)
    client.post(f"{FAXES}/f-1/read", headers=customer)
    client.delete(f"{FAXES}/f-2", headers=customer)

    told = client.get("/me/fax-mail", headers=customer)
    elsewhere = client.get("/me/fax-mail?numbers=0720001111", headers=customer)

    since = told.json["numbers"][NUMBER]["since"]
    assert datetime.fromisoformat(since)
    assert told.json == {"numbers": {NUMBER: {"started": True, "since": since, "by": "customer", "unread": 1}}}
    assert elsewhere.json == {"numbers": {}}
    assert client.get("/me/fax-mail", headers=as_operator).status_code == 403


def test_a_fax_mail_is_set_started_and_stopped(client: Client, customer: Headers) -> None:
    changed = client.put(MAIL, json={"addresses": [ANNE]}, headers=customer)
    started = client.post(f"{MAIL}/start", headers=customer)
    stopped = client.post(f"{MAIL}/stop", headers=customer)
    history = client.get(f"/numbers/{NUMBER}/history", headers=customer).json["items"]

    assert changed.json == {"started": False, "addresses": [ANNE]}
    assert [started.json["started"], stopped.json["started"]] == [True, False]
    assert [item["event"] for item in history] == ["FaxMailChanged"] * 3
    assert history[1]["sentence"]["ja"] == "FAXお知らせメールを変更しました（開始、宛先1件）"


def test_the_history_says_which_fax_was_deleted_and_how(client: Client, store: Any, as_customer: Headers) -> None:
    numbers = Handler(store, setting.DECIDER, setting.CATEGORY)
    for gone in (GONE, replace(GONE, caller=None, cause="expired"), replace(GONE, contract_number=ELSEWHERE)):
        numbers.handle(NUMBER, setting.NoteFaxDeletion(gone), OPERATOR)

    history = client.get(f"/numbers/{NUMBER}/history", headers=as_customer).json["items"]

    assert [item["sentence"]["ja"] for item in history] == [
        "保存期間が過ぎたFAXを削除しました（2026年11月23日09:00受信、送信元 非通知）",
        "FAXを削除しました（2026年11月23日09:00受信、送信元 03-1234-5678）",
    ]
    assert history[1]["sentence"]["en"] == "A fax was deleted: received Nov 23, 2026, 09:00, from 03-1234-5678"
    assert history[1]["by"]["kind"] == OPERATOR.actor.kind


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"started": True}, "addresses", "no-addresses"),
        ({"addresses": [f"a{n}@example.jp" for n in range(6)]}, "addresses", "too-many-addresses"),
        ({"addresses": [ANNE, ANNE.upper()]}, "addresses", "repeated-address"),
        ({"addresses": ["anne"]}, "addresses.0", "not-a-mail-address"),
        ({"addresses": ["あ@example.jp"]}, "addresses.0", "not-a-mail-address"),
        ({"adresses": []}, "adresses", "unknown-field"),
        ({"started": 1}, "started", "wrong-type"),
    ],
)
def test_a_fax_mail_that_cannot_be_is_refused(
    client: Client, customer: Headers, body: Any, field: str, code: str
) -> None:
    answer = client.put(MAIL, json=body, headers=customer)

    assert answer.status_code == 422
    assert errors_of(answer)[field] == code


def test_a_number_without_the_option_has_no_fax_mail(client: Client, customer: Headers) -> None:
    for method, path in (("GET", ""), ("PUT", ""), ("POST", "/start"), ("POST", "/stop")):
        answer = client.open(f"/numbers/{CONTRACT}/fax-mail{path}", method=method, headers=customer, json={})
        assert (answer.status_code, answer.json["code"]) == (404, "not-found")
