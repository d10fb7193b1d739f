"""A fax through the gateway: from its receiver into faxstore, to the customer who may see it, with a mail by notify."""

import json
import uuid
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
import urllib3
from PIL import Image

from chassis.testing import eventually
from services.faxstore.tests.documents.broken import BROKEN, HEAVY
from tests.e2e.customer import API, Customer
from tests.e2e.sites import Command

AT = "2026-11-23T09:00:00+09:00"
LARGEST = 20 * 1024 * 1024


@dataclass(frozen=True)
class Web:
    """What `devstack.client` does not do: forms and files."""

    site: str
    bearer: str

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        return self._send("GET", path)

    def post(self, path: str, **form: Any) -> urllib3.BaseHTTPResponse:
        return self._send("POST", path, fields=form)

    def _send(self, method: str, path: str, **more: Any) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {self.bearer}"}
        return urllib3.request(method, f"{self.site}{API}{path}", headers=headers, retries=False, **more)


@pytest.fixture
def receiver(stack_url: str, keys: dict[str, str]) -> Web:
    return Web(stack_url, keys["faxes"])


@pytest.fixture(scope="module")
def document() -> bytes:
    """A page as a fax machine in standard resolution has it: 204 by 98 dots an inch, G4."""
    page, file = Image.new("1", (1728, 1078), 1), BytesIO()
    page.paste(0, (100, 100, 900, 500))
    page.save(file, "TIFF", compression="group4", dpi=(204, 98))
    return file.getvalue()


@pytest.fixture
def told(customer: Customer) -> Customer:
    """A customer with FAX mail at the second number, to both addresses."""
    customer.register({customer.number: [], customer.second_number: ["fax-mail"]}, ["bulk-forward", "fault-notice"])
    path = f"{API}/numbers/{customer.second_number}/fax-mail"
    eventually(lambda: customer.operator.get(path).status == 200)
    assert customer.operator.put(path, {"started": True, "addresses": customer.addresses}).status == 200
    return customer


def fax(number: str, document: bytes) -> dict[str, Any]:
    form = {"id": uuid.uuid4().hex, "called": number, "caller": "0312345678", "received_at": AT}
    return {**form, "document": ("../fax.tif", document)}


def test_a_fax_reaches_its_customer_and_nobody_else(
    told: Customer, unsigned: Any, receiver: Web, document: bytes
) -> None:
    sent = fax(told.second_number, document)
    faxes = f"/numbers/{told.second_number}/faxes"
    mine = f"{faxes}/{sent['id']}"

    answers = [receiver.post("/faxes", **sent) for _ in range(2)]

    assert [(answer.status, json.loads(answer.data)["status"]) for answer in answers] == [
        (201, "stored"),
        (200, "duplicate"),
    ]
    home = told.at_home("number", told.second_number)
    browser = Web(told.site, home.bearer)
    assert [item["id"] for item in home.get(API + faxes).body["items"]] == [sent["id"]]
    assert home.get(f"{API}/me").body["numbers"][0]["options"]["fax-mail"] == {"started": True}

    glance = home.get(f"{API}/me/fax-mail").body["numbers"][told.second_number]
    assert (glance["started"], glance["unread"], glance["by"]) == (True, 1, "operator")

    eventually(lambda: told.told(1), within=60)
    for address in told.addresses:
        (mail,) = told.mails(address)
        assert f"/numbers/{told.second_number}/faxes/{sent['id']}" in mail["body"]

    shown = eventually(lambda: (page := browser.get(f"{mine}/pages/1.png")).status == 200 and page, within=60)
    assert shown
    picture = Image.open(BytesIO(shown.data))
    # As wide as high on paper: 1728 dots of 204 an inch, 1078 lines of 98.
    assert picture.width / picture.height == pytest.approx((1728 / 204) / (1078 / 98), rel=0.02)
    assert not home.get(API + mine).body["read"]
    assert browser.get(f"{mine}/pdf").data.startswith(b"%PDF-")

    exact = browser.get(f"{mine}/document")
    assert (exact.data, exact.headers["Content-Type"]) == (document, "image/tiff")
    assert exact.headers["Cache-Control"] == "private, no-store"
    assert exact.headers["Content-Disposition"] == (
        f'attachment; filename="fax-20261123-090000-{told.second_number}.tif"'
    )
    assert home.get(API + mine).body["read"]

    stranger = unsigned()
    stranger.register({stranger.number: ["fax-mail"]}, [])
    elsewhere = Web(told.site, stranger.at_home("line").bearer)
    for path in (faxes, mine, f"{mine}/document", f"{mine}/pdf", f"{mine}/pages/1.png"):
        assert elsewhere.get(path).status == 404, path

    assert home.delete(API + mine).status == 204
    assert home.get(API + faxes).body["items"] == []
    assert browser.get(f"{mine}/document").status == 404
    assert json.loads(receiver.post("/faxes", **sent).data)["status"] == "duplicate"
    assert [len(told.mails(address)) for address in told.addresses] == [1, 1]


def test_what_is_no_fax_is_refused_in_words(told: Customer, receiver: Web, document: bytes) -> None:
    def code(**changes: Any) -> tuple[int, str]:
        answer = receiver.post("/faxes", **{**fax(told.second_number, document), **changes})
        return answer.status, json.loads(answer.data)["code"]

    assert code(called=told.number) == (403, "called-not-contracted")
    assert code(id="../../etc/passwd") == (422, "invalid-body")
    assert code(document=("fax.tif", document + bytes(LARGEST))) == (413, "document-too-large")
    assert code(document=("fax.tif", bytes(30 * 1024 * 1024))) == (413, "body-too-large")
    status, said = code(document=("fax.tif", b"MZ no fax at all"))
    assert (status, said.partition("-")[0]) == (422, "document")


def test_broken_documents_are_refused_all_the_way_and_harm_nobody(
    told: Customer, receiver: Web, document: bytes
) -> None:
    def answer(content: bytes) -> tuple[int, str]:
        answer = receiver.post("/faxes", **fax(told.second_number, content))
        return answer.status, json.loads(answer.data).get("code", "")

    wanted = {name: (422, code) for name, (_, code) in BROKEN.items() if name not in HEAVY}

    assert {name: answer(BROKEN[name][0]()) for name in wanted} == wanted
    assert told.operator.get(f"{API}/numbers/{told.second_number}/faxes").body["items"] == []
    assert answer(document) == (201, "")


def test_addresses_of_a_fax_mail_that_refuse_mail_are_told(told: Customer) -> None:
    answer = told.at_home("number", told.second_number).get(
        f"{API}/numbers/{told.second_number}/fax-mail/undeliverable"
    )

    assert (answer.status, answer.body) == (200, {"undeliverable": []})


def test_the_list_is_made_anew_and_comes_out_the_same(
    command: Command, told: Customer, receiver: Web, document: bytes
) -> None:
    for _ in range(3):
        assert receiver.post("/faxes", **fax(told.second_number, document)).status == 201
    path = f"{API}/numbers/{told.second_number}/faxes"
    before = told.operator.get(path).body

    rebuilt = command("faxstore", "rebuild", "faxes")

    assert rebuilt.returncode == 0, rebuilt.stderr
    assert told.operator.get(path).body == before
    assert len(before["items"]) == 3
