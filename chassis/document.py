"""A service's OpenAPI document: what flask-smorest gathers from its routes, with the error answers that are ours.

It is made when it is first asked for. Most processes, and nearly all of a test run's applications, never are.
"""

import re
from collections.abc import Callable, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

import flask
import flask_smorest
import msgspec

from chassis.answers import ProblemSchema
from chassis.bodies import Blueprint
from chassis.edge import VERSION
from chassis.headers import taken_by

_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


def document_of(app: flask.Flask, blueprints: Sequence[Blueprint]) -> Callable[[], bytes]:
    """The document as JSON. `blueprints` are already the app's."""

    @cache
    def made() -> bytes:
        return msgspec.json.encode(_with_patterns(_with_headers(app, _spec(app, blueprints).to_dict())))

    return made


def _spec(app: flask.Flask, blueprints: Sequence[Blueprint]) -> Any:
    app.config["OPENAPI_URL_PREFIX"] = None  # A route of its own would not say who may call it.
    api = _Api(spec_kwargs={"title": app.name, "version": VERSION, "openapi_version": "3.0.3"})
    api.init_app(app)
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    api.spec.options["security"] = [{"bearer": []}]
    for blueprint in blueprints:
        # `Api.register_blueprint` without Flask's half, which is done before the first request or never.
        blueprint.register_views_in_doc(api, app, api.spec, name=blueprint.name, parameters=None)
        api.spec.tag({"name": blueprint.name, "description": blueprint.description})
    return api.spec


def _with_headers(app: flask.Flask, document: Any) -> Any:
    """With the headers that views say they take."""
    for rule in app.url_map.iter_rules():
        headers = [header.documented() for header in taken_by(app.view_functions[rule.endpoint])]
        described = document["paths"].get(_VARIABLE.sub(r"{\1}", str(rule)), {}) if headers else {}
        for method in {name.lower() for name in rule.methods or ()} & described.keys():
            described[method]["parameters"] = [*described[method].get("parameters", []), *headers]
    return document


def _with_patterns(value: Any) -> Any:
    """With the patterns of texts as JSON Schema writes them: ECMA-262 has neither \\A nor \\Z, and looks anywhere in a
    text where Python's `match`, with which bodies are checked, begins at its start."""
    match value:
        case dict():
            return {
                key: _ecma(inner) if key == "pattern" and isinstance(inner, str) else _with_patterns(inner)
                for key, inner in value.items()
            }
        case list():
            return [_with_patterns(inner) for inner in value]
    return value


def _ecma(pattern: str) -> str:
    plain = pattern.replace(r"\A", "^").replace(r"\Z", "$")
    return plain if plain.startswith("^") else f"^(?:{plain})"


class _Api(flask_smorest.Api):  # type: ignore[misc]
    """flask-smorest's documentation without its error answers: ours say more and are the same everywhere."""

    def _register_error_handlers(self) -> None:
        pass

    def _register_responses(self) -> None:
        problem = {"application/problem+json": {"schema": ProblemSchema}}
        for status in HTTPStatus:
            content = problem if status >= HTTPStatus.BAD_REQUEST else {}
            self.spec.components.response(status.name, {"description": status.phrase, "content": content}, lazy=True)
        self.spec.components.response("DEFAULT_ERROR", {"description": "A problem.", "content": problem}, lazy=True)
