import json as jsonlib
from contextlib import ExitStack
from typing import Any

from gateway.bootstrap import build
from gateway.joins import described
from gateway.me import SCHEMA
from gateway.openapi import merged
from gateway.settings import Settings
from gateway.tests.upstreams import Service, json, nobody, serving


def documented(path: str, schema: dict[str, Any], **others: Any) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}}
    return {
        "openapi": "3.0.3",
        "tags": [{"name": "tag", "description": ""}],
        "paths": {path: {"put": {"summary": "Changes it.", "requestBody": body, "x-access": "owns-contract"}}},
        "components": {"schemas": {"Body": schema, **others}},
    }


def everywhere(_path: str, _service: str) -> bool:
    return True


TEXT = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
COUNT = {"type": "object", "properties": {"count": {"type": "integer"}}}


def reference(document: dict[str, Any], path: str) -> str:
    return str(document["paths"][path]["put"]["requestBody"]["content"]["application/json"]["schema"]["$ref"])


def test_paths_get_the_prefix() -> None:
    assert list(merged({"a": documented("/a", TEXT)}, everywhere)["paths"]) == ["/api/v1/a"]


def test_only_paths_that_lead_there_are_shown() -> None:
    document = merged({"a": documented("/a", TEXT)}, lambda path, service: path == "/b")

    assert document["paths"] == {}


def test_equal_components_are_shared() -> None:
    document = merged({"a": documented("/a", TEXT), "b": documented("/b", TEXT)}, everywhere)

    assert list(document["components"]["schemas"]) == ["Body"]
    assert [tag["name"] for tag in document["tags"]] == ["tag"]


def test_clashing_components_are_renamed_with_their_references() -> None:
    document = merged({"a": documented("/a", TEXT), "b": documented("/b", COUNT)}, everywhere)

    assert reference(document, "/api/v1/a") == "#/components/schemas/Body"
    assert reference(document, "/api/v1/b") == "#/components/schemas/b-Body"
    assert document["components"]["schemas"]["b-Body"] == COUNT


def test_what_refers_to_a_clashing_component_is_renamed_too() -> None:
    outer = {"type": "array", "items": {"$ref": "#/components/schemas/Body"}}

    document = merged({"a": documented("/a", TEXT, Outer=outer), "b": documented("/b", COUNT, Outer=outer)}, everywhere)

    assert document["components"]["schemas"]["b-Outer"]["items"] == {"$ref": "#/components/schemas/b-Body"}
    assert document["components"]["schemas"]["Outer"]["items"] == {"$ref": "#/components/schemas/Body"}


def test_a_service_never_seen_is_named() -> None:
    document = merged({"a": documented("/a", TEXT), "b": None}, everywhere)

    assert document["info"]["description"].endswith(": b.")


PLAN = "/contracts/{contract_number}/bulk-forward"


def test_the_documents_are_joined_and_survive_a_service() -> None:
    with ExitStack() as stack:
        plans = Service(views={"/openapi.json": lambda _: json(documented(PLAN, TEXT))})
        keys = Service(views={"/openapi.json": lambda _: json(documented("/tokens", COUNT))})
        auth = stack.enter_context(serving(keys))
        with serving(plans):
            urls = (auth.url, nobody(), nobody(), plans.url, nobody(), nobody(), nobody())
            client = build(Settings(*urls)).test_client()
            first = jsonlib.loads(client.get("/api/v1/openapi.json").data)

        again = jsonlib.loads(client.get("/api/v1/openapi.json").data)

    assert list(first["paths"]) == [f"/api/v1{PLAN}"]
    assert first["info"]["description"].endswith(": ivr, linewatch, voicewarp, notify, faxstore.")
    assert again == first


def test_the_page_shows_paths_and_fields_without_a_script() -> None:
    with serving(Service(views={"/openapi.json": lambda _: json(documented(PLAN, TEXT))})) as plans:
        client = build(Settings(nobody(), nobody(), nobody(), plans.url, nobody(), nobody(), nobody())).test_client()

        page = client.get("/api/v1/docs").text

    assert f"/api/v1{PLAN}" in page
    assert "<code>name</code>" in page
    assert "owns-contract" in page
    assert "<script>" not in page


def test_a_joined_answer_is_described_as_it_is_joined() -> None:
    before = {"in": "query", "name": "before", "schema": {"type": "string", "pattern": "^[0-9]*$"}}
    get = {"summary": "Names.", "x-access": "customer", "parameters": [before], "responses": {"default": {}}}
    document = {
        "paths": {path: {"get": get, "parameters": []} for path in ("/me", "/numbers/{number}/history", "/other")}
    }

    paths = merged({"auth": document}, everywhere, described)["paths"]

    me, told, other = (paths[f"/api/v1{path}"]["get"] for path in ("/me", "/numbers/{number}/history", "/other"))
    assert me["responses"].keys() == {"200", "default"}
    assert (me["x-access"], me["responses"]["200"]["content"]["application/json"]["schema"]) == ("customer", SCHEMA)
    assert [one["schema"].get("pattern") for one in told["parameters"]] == [None]
    assert other == get
