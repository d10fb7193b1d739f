"""For tests: a client that takes no answer which the application's OpenAPI document does not describe."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

import flask
from flask.testing import FlaskClient
from jsonschema import Draft4Validator, FormatChecker
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

Object = Mapping[str, Any]


class Described:
    """What an application's document says of its answers."""

    def __init__(self, document: Object) -> None:
        self._document = document

    @classmethod
    def of(cls, app: flask.Flask) -> "Described":
        return cls(json.loads(FlaskClient(app, app.response_class).get("/openapi.json").data))

    def check(self, app: flask.Flask, answer: TestResponse) -> None:
        """Raises AssertionError unless the answer to a request of a client is one that the document describes."""
        lacks = list(self._lacks(_rule(app, answer), answer))
        request = f"{answer.request.method} {answer.request.path} -> {answer.status_code} {answer.mimetype}"
        assert not lacks, "\n  ".join([f"{request} is not as the OpenAPI document says:", *lacks])

    def _lacks(self, rule: Rule | None, answer: TestResponse) -> Iterator[str]:
        if rule is None:
            yield from self._unlike({"$ref": "#/components/schemas/Problem"}, json.loads(answer.data))
        elif "." not in rule.endpoint or answer.request.method in ("HEAD", "OPTIONS"):
            return  # Health, metrics, the document itself.
        elif answer.status_code == 304:
            yield from () if not answer.data else ["it has a body"]
        else:
            yield from self._unlike_any(self._responses(rule, answer.request.method), answer)

    def _responses(self, rule: Rule, method: str) -> Object:
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", str(rule))
        responses: Object = self._document["paths"][path][method.lower()]["responses"]
        return responses

    def _unlike_any(self, responses: Object, answer: TestResponse) -> Iterator[str]:
        status, media_type = str(answer.status_code), answer.mimetype or ""
        described = responses.get(status) or (responses["default"] if status >= "400" else None)
        if described is None:
            yield f"only {', '.join(responses)} are described"
            return
        content: Object = self._looked_up(described).get("content", {})
        if not content:
            yield from () if not answer.data else ["it has a body"]
        elif media_type not in content:
            yield f"only {', '.join(content)} are described"
        elif media_type.endswith("json"):
            for text in answer.data.splitlines() if media_type.endswith("ndjson") else [answer.data]:
                yield from self._unlike(content[media_type]["schema"], json.loads(text))

    def _looked_up(self, described: Object) -> Object:
        kind, _, name = described.get("$ref", "").rpartition("/")
        found: Object = self._document["components"][kind.rpartition("/")[2]][name] if name else described
        return found

    def _unlike(self, schema: Object, value: Any) -> Iterator[str]:
        validator = _OpenApiValidator({**self._definitions, "allOf": [schema]}, format_checker=_FORMATS)
        return (f"{error.json_path}: {error.message}" for error in validator.iter_errors(value))

    @cached_property
    def _definitions(self) -> Object:
        return {"components": self._document["components"]}


class DocumentedClient(FlaskClient):
    """Checks each of its answers. A test fails at the request whose answer is not as documented."""

    described: Described

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        answer = super().open(*args, **kwargs)
        self.described.check(self.application, answer)
        return answer


def _rule(app: flask.Flask, answer: TestResponse) -> Rule | None:
    adapter = app.url_map.bind_to_environ(answer.request.environ)
    try:
        return adapter.match(return_rule=True)[0]
    except HTTPException:
        return None


def _nullable(keyword: str) -> Callable[[Validator, Any, Any, Object], Iterator[Any]]:
    """OpenAPI 3.0 says `nullable` where JSON Schema lists the type null."""

    def check(validator: Validator, wanted: Any, instance: Any, schema: Object) -> Iterator[Any]:
        if instance is not None or not schema.get("nullable"):
            yield from Draft4Validator.VALIDATORS[keyword](validator, wanted, instance, schema)

    return check


_OpenApiValidator = extend(Draft4Validator, {name: _nullable(name) for name in ("type", "allOf")})  # type: ignore[no-untyped-call]
_FORMATS = FormatChecker(())


@_FORMATS.checks("date-time", ValueError)
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None
