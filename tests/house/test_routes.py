"""Every route says who may call it, is documented, and can be reached through the gateway or is meant not to be."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

import flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from chassis.errors import TsunaguError
from gateway import routes
from gateway.joins import JOINED
from tests.house.repository import REPOSITORY, told

# What every process answers for whoever runs it.
OF_EVERY_PROCESS = frozenset({"/health/live", "/health/ready", "/metrics", "/openapi.json"})
# Routes of services for other processes of ours; the gateway must not let them through.
INSIDE_ONLY = frozenset({"/tokens"})
SCOPES = r"scopes:[a-z-]+(,[a-z-]+)*"
POLICY = re.compile(rf"public|customer|customer-even-restricted|({SCOPES}|owns-contract|owns-number)(\|{SCOPES})?")


def test_every_route_says_who_may_call_it(apps: Mapping[str, flask.Flask]) -> None:
    found = [
        f"{service} {rule} ({access!r})"
        for service, app in apps.items()
        for rule in app.url_map.iter_rules()
        if not POLICY.fullmatch(access := getattr(app.view_functions[rule.endpoint], "access", ""))
    ]

    assert not found, told("Decorate the view with public, require(...), owns_contract... of chassis.web:", found)


def test_an_owners_route_has_the_owner_in_its_path(apps: Mapping[str, flask.Flask]) -> None:
    needed = {"owns-contract": "contract_number", "owns-number": "number"}
    found = [
        f"{service} {rule}"
        for service, app in apps.items()
        for rule in app.url_map.iter_rules()
        if (policy := getattr(app.view_functions[rule.endpoint], "access", "").split("|")[0]) in needed
        and needed[policy] not in rule.arguments
    ]

    assert not found, told(
        "The policy is checked against the path: name the variable contract_number or number:", found
    )


def test_numbers_of_a_path_are_taken_as_people_type_them(apps: Mapping[str, flask.Flask]) -> None:
    found = [
        f"{service} {rule}"
        for service, app in apps.items()
        for rule in app.url_map.iter_rules()
        if not rule.arguments.isdisjoint({"contract_number", "number"}) and not _takes_as_typed(app, rule)
    ]

    assert not found, told("Give the service's Parts plain_number=phone.normalise:", found)


def _takes_as_typed(app: flask.Flask, rule: Rule) -> bool:
    path, method = re.sub("<[^>]*>", "０６-0000 1111", str(rule)), min(rule.methods or set())
    with app.test_request_context(path, method=method) as context, suppress(TsunaguError):
        app.preprocess_request()
    asked: Mapping[str, str] = context.request.view_args or {}
    return all(asked[name] == "0600001111" for name in ("contract_number", "number") if name in asked)


def test_every_route_is_documented(apps: Mapping[str, flask.Flask]) -> None:
    found = [
        f"{service} {method.upper()} {path}: {lack}"
        for service, app in apps.items()
        for rule in _own(app)
        for method, path in _operations(rule)
        if (lack := _lack(_document(app), path, method, rule))
    ]

    assert not found, told(
        "Put the route on a chassis.web.Blueprint, say in its docstring what it promises, and with schemas what it "
        "takes and answers:",
        found,
    )


def _lack(document: Mapping[str, Any], path: str, method: str, rule: Rule) -> str:
    """What the OpenAPI document does not say of a route."""
    item = document["paths"].get(path, {})
    operation = item.get(method)
    if not isinstance(operation, Mapping):
        return "not in the OpenAPI document"
    if not str(operation.get("summary", "")).endswith("."):
        return "its docstring begins with no sentence"
    if not any(_has_shape(status, response) for status, response in operation["responses"].items()):
        return "no routes.response(...) with a schema"
    if method in ("post", "put") and "requestBody" not in operation:
        return "nothing is said of its body: routes.arguments(...), routes.takes_nothing or routes.doc(requestBody=...)"
    listed = [*_parameters(item), *_parameters(operation)]
    missing = sorted(rule.arguments - {name for place, name in listed if place == "path"})
    return f"path variables {missing} are not described" if missing else ""


def _has_shape(status: str, response: Mapping[str, Any]) -> bool:
    content: Mapping[str, Mapping[str, Any]] = response.get("content", {})
    return status == "204" or (
        status[0] == "2" and bool(content) and all("schema" in kind for kind in content.values())
    )


def _parameters(described: Mapping[str, object]) -> list[tuple[str, str]]:
    given = described.get("parameters", [])
    return [(one["in"], one["name"]) for one in given] if isinstance(given, list) else []


def test_the_gateway_leads_to_every_route_that_is_not_for_inside(
    apps: Mapping[str, flask.Flask], gateway: flask.Flask
) -> None:
    found = [
        f"{service} {path}"
        for service, app in apps.items()
        for path in sorted({path for rule in _own(app) for _, path in _operations(rule)})
        if path not in INSIDE_ONLY and _led_to(gateway, path) not in (service, JOINED)
    ]

    assert not found, told("Add the path to the service's line in gateway/routes.py:", found)


def test_the_gateway_lets_nobody_in_to_what_is_for_inside(gateway: flask.Flask) -> None:
    found = [path for path in {*INSIDE_ONLY, *OF_EVERY_PROCESS} - {"/openapi.json"} if _led_to(gateway, path)]

    assert not found, told("These must not be reachable from outside; take them out of gateway/routes.py:", found)


def test_what_the_gateway_answers_without_a_token_is_public_at_its_service(apps: Mapping[str, flask.Flask]) -> None:
    public = {
        f"{method} {rule}"
        for app in apps.values()
        for rule in _own(app)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if getattr(app.view_functions[rule.endpoint], "access", "") == "public" and str(rule) not in INSIDE_ONLY
    }

    assert public == routes.PUBLIC, "Make gateway.routes.PUBLIC and the views' @public agree."


def test_histories_are_joined_from_every_service_that_tells_one(apps: Mapping[str, flask.Flask]) -> None:
    telling: dict[str, set[str]] = {}
    for service, app in apps.items():
        for path in [str(rule) for rule in app.url_map.iter_rules() if str(rule).endswith("/history")]:
            telling.setdefault(path, set()).add(service)

    assert {path: set(owners) for path, owners in routes.HISTORIES.items()} == telling, (
        "Make gateway.routes.HISTORIES name each of them."
    )


def test_each_readme_names_every_route_of_its_service(apps: Mapping[str, flask.Flask]) -> None:
    found = [
        f"services/{service}/README.md: {path}"
        for service, app in apps.items()
        for path in sorted({path for rule in _own(app) for _, path in _operations(rule)})
        if not _is_named(path, REPOSITORY.text(f"services/{service}/README.md"))
    ]

    assert not found, told("List the route, with who may call it, in the service's README:", found)


def _is_named(path: str, readme: str) -> bool:
    """As `/the/whole/path`, or as `.../its/end` below one that has its beginning; however its variables are called."""
    spelled = re.findall(r"`(?:[A-Z]+ )?(\.\.\.)?(/[^`\s?]*)", readme)
    return any(_bare(path) == _bare(said) or (dots and _bare(path).endswith(_bare(said))) for dots, said in spelled)


def _bare(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def _own(app: flask.Flask) -> list[Rule]:
    """The rules that are the service's own."""
    return [rule for rule in app.url_map.iter_rules() if str(rule) not in OF_EVERY_PROCESS]


def _operations(rule: Rule) -> Iterator[tuple[str, str]]:
    """Method and path as OpenAPI spells them."""
    path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", str(rule))
    yield from ((method.lower(), path) for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))


def _document(app: flask.Flask) -> Mapping[str, Mapping[str, Mapping[str, object]]]:
    document: Mapping[str, Mapping[str, Mapping[str, object]]] = app.test_client().get("/openapi.json").get_json()
    return document


def _led_to(gateway: flask.Flask, path: str) -> str:
    """The service that the gateway passes a path on to, or the name of its own view; empty when there is none."""
    adapter = gateway.url_map.bind("gateway")
    try:
        endpoint, _ = adapter.match(routes.PREFIX + re.sub(r"\{[^}]*\}", "1", path), method="GET")
    except HTTPException:
        return ""
    return str(endpoint).partition(" ")[0]
