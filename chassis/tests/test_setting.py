import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask.testing import FlaskClient
from marshmallow import fields, post_load

from chassis.answers import Answer
from chassis.auth import Principal, TokenIssuer, Tokens, key_id
from chassis.errors import NotFound
from chassis.handling import Handler
from chassis.memory_store import MemoryStore
from chassis.messages import now
from chassis.setting import Setting
from chassis.tests.examples import CODEC, DECIDER, Close, Door, Note, Open
from chassis.web import Blueprint, Body, create_app, owns_number

KEY = Ed25519PrivateKey.generate()
DOOR = "/numbers/0600001111/door"
WALLED_UP = "walled up"


class DoorBody(Body):
    note = fields.String(required=True)

    @post_load
    def command(self, data: dict[str, Any], **_: Any) -> Note:
        return Note(data["note"])


class DoorSchema(Answer):
    open = fields.Boolean()
    book = fields.List(fields.String())


def shown(door: Door) -> dict[str, Any]:
    if WALLED_UP in door.book:
        raise NotFound("not-found")
    return {"open": door.open, "book": list(door.book)}


def start() -> Open:
    """Lets everybody in."""
    return Open("hand")


def stop() -> Close:
    """Lets nobody in."""
    return Close("hand")


@pytest.fixture(name="client")
def a_client() -> FlaskClient:
    return client_of()


def client_of(**others: Any) -> FlaskClient:
    routes = Blueprint("doors", __name__, url_prefix="/numbers/<number>")
    setting = Setting(Handler(MemoryStore(CODEC), DECIDER, "door"), shown, **others)
    setting.add_routes(routes, "/door", owns_number, body=DoorBody, answer=DoorSchema, start=start, stop=stop)
    tokens = Tokens({key_id(KEY.public_key()): KEY.public_key()})
    client = create_app("doors", [routes], tokens=tokens, ready={}, max_body=1000).test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token()}"
    return client


def token() -> str:
    who = Principal("customer", "0600001111", frozenset(), "0600001111", frozenset({"0600001111"}))
    return TokenIssuer(KEY).issue(who, lifetime=timedelta(minutes=5), at=now())


def test_a_setting_is_shown_with_its_tag(client: FlaskClient) -> None:
    answer = client.get(DOOR)

    assert (answer.status_code, answer.json) == (200, {"open": False, "book": []})
    assert client.get(DOOR, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_an_edit_answers_with_the_whole_setting(client: FlaskClient) -> None:
    tag = client.get(DOOR).headers["ETag"]

    answer = client.put(DOOR, json={"note": "a"}, headers={"If-Match": tag})

    assert answer.json == client.get(DOOR).json == {"open": False, "book": ["a"]}


@pytest.mark.parametrize(("headers", "status"), [({}, 428), ({"If-Match": '"old"'}, 412)])
def test_an_edit_has_to_say_what_it_has_seen(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    assert client.put(DOOR, json={"note": "a"}, headers=headers).status_code == status


def test_an_order_to_act_need_not_say_what_it_has_seen_but_may(client: FlaskClient) -> None:
    assert client.post(f"{DOOR}/start").json == {"open": True, "book": ["opened by hand"]}
    assert client.post(f"{DOOR}/stop", headers={"If-Match": '"old"'}).status_code == 412


def test_the_same_order_with_the_same_key_is_one(client: FlaskClient) -> None:
    key = {"Idempotency-Key": "k"}

    client.post(f"{DOOR}/start", headers=key)
    client.post(f"{DOOR}/stop")
    again = client.post(f"{DOOR}/start", headers=key)

    assert (again.status_code, again.json) == (200, {"open": False, "book": ["opened by hand", "closed by hand"]})


def test_an_order_to_act_takes_no_more_than_an_empty_object(client: FlaskClient) -> None:
    assert client.post(f"{DOOR}/start", json={}).status_code == 200
    assert client.post(f"{DOOR}/stop", json={"at": "noon"}).status_code == 422


def test_what_nobody_may_see_nobody_can_change(client: FlaskClient) -> None:
    client.put(DOOR, json={"note": WALLED_UP}, headers={"If-Match": "*"})

    assert client.get(DOOR).status_code == 404
    assert client.put(DOOR, json={"note": "a"}, headers={"If-Match": "*"}).status_code == 404
    assert client.post(f"{DOOR}/start").status_code == 404


def test_a_command_is_completed_before_it_is_decided_and_what_came_of_it_is_told() -> None:
    told: list[tuple[str, Door]] = []

    def complete(id: str, note: Note) -> Note:
        return Note(f"{note.text} at {id}")

    client = client_of(complete=complete, done=lambda id, outcome: told.append((id, outcome.state)))
    client.put(DOOR, json={"note": "a"}, headers={"If-Match": "*"})

    assert told == [("0600001111", Door(book=("a at 0600001111",)))]


def test_the_documentation_says_what_an_order_does(client: FlaskClient) -> None:
    paths = json.loads(client.get("/openapi.json").data)["paths"]

    stop = paths["/numbers/{number}/door/stop"]["post"]
    assert stop["summary"].startswith("Lets nobody in.")
    assert stop["responses"]["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Door"}
