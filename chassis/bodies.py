"""Reading what callers send: strict JSON, then marshmallow schemas whose errors are stable codes."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import flask
import flask_smorest
from marshmallow import RAISE, Schema, ValidationError, fields, validate
from webargs.flaskparser import FlaskParser

from chassis.errors import FieldError, Rejected, UnsupportedMedia
from chassis.strict_json import read_json

View = TypeVar("View", bound=Callable[..., Any])
_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

_MOST_ERRORS = 100
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def consumes(*types: str) -> Callable[[View], View]:
    """The route reads bodies of these media types itself, instead of JSON; other types get 415."""

    def mark(view: View) -> View:
        view.consumes = frozenset(types)  # type: ignore[attr-defined]
        return view

    return mark


def accepts_up_to(size: int) -> Callable[[View], View]:
    """The route takes bodies of up to `size` bytes, whatever the app's limit is."""

    def mark(view: View) -> View:
        view.max_body = size  # type: ignore[attr-defined]
        return view

    return mark


def check_media_type() -> None:
    """Refuses a body whose type or encoding the route does not read. Runs before every request of a service."""
    request = flask.request
    if not request.content_length and "Transfer-Encoding" not in request.headers:
        return
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise UnsupportedMedia("unsupported-content-encoding")
    view = flask.current_app.view_functions.get(request.endpoint or "")
    own_types: frozenset[str] = getattr(view, "consumes", frozenset())
    if request.mimetype not in (own_types or {"application/json"}):
        raise UnsupportedMedia("unsupported-media-type")


class Request(flask.Request):
    """A request whose `get_json` is the strict reader below."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The body as strict JSON whatever its type is called; BadMessage `unreadable-json` when it is none."""
        return read_json(self.get_data(cache=cache))


class Boolean(fields.Boolean):
    """true or false and nothing that resembles them."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Query(Schema):
    """Base of query strings: unknown parameters are errors, and every error is a stable code.

    A validator of one's own raises `ValidationError("kebab-case-code")`; the code is worded by the app's words.
    """

    class Meta:
        unknown = RAISE

    error_messages = {"unknown": "unknown-field", "type": "wrong-type"}  # noqa: RUF012  marshmallow's own idiom

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        for spec in _all_inside(field_obj):
            _speak_codes(spec)


class Body(Query):
    """Base of request bodies: as Query, and numbers are not taken from strings (for true and false use Boolean)."""

    def on_bind_field(self, field_name: str, field_obj: fields.Field[Any]) -> None:
        super().on_bind_field(field_name, field_obj)
        for spec in _all_inside(field_obj):
            if isinstance(spec, fields.Integer):
                spec.strict = True


_FIELD_CODES = {
    "required": "missing-field",
    "validator_failed": "invalid-value",
    "too_large": "out-of-range",
    "unknown": "not-one-of",
    "must_be_one_of": "not-one-of",
}


def _speak_codes(spec: fields.Field[Any]) -> None:
    """Replaces the sentences of a field and of its validators by codes; codes given by the schema's author stay."""
    other = "wrong-format" if isinstance(spec, fields.DateTime | fields.Date | fields.Time) else "wrong-type"
    spec.error_messages = {
        key: _code_or(said, _FIELD_CODES.get(key, other)) for key, said in spec.error_messages.items()
    }
    for validator in spec.validators:
        _speak_code(validator)


def _all_inside(spec: fields.Field[Any]) -> Iterator[fields.Field[Any]]:
    yield spec
    for inner in _inside(spec):
        yield from _all_inside(inner)


def _inside(spec: fields.Field[Any]) -> Iterator[fields.Field[Any]]:
    parts = (getattr(spec, name, None) for name in ("inner", "key_field", "value_field"))
    return (part for part in parts if isinstance(part, fields.Field))


def _speak_code(validator: Any) -> None:
    match validator:
        case validate.Length():
            validator.message_min, validator.message_max = "too-short", "too-long"
            validator.message_all = validator.message_equal = "wrong-length"
        case validate.Range():
            validator.message_min = validator.message_max = validator.message_all = "out-of-range"
        case validate.OneOf() | validate.ContainsOnly() | validate.Equal():
            validator.error = _code_or(validator.error, "not-one-of")
        case validate.Regexp() | validate.Email() | validate.URL():
            validator.error = _code_or(validator.error, "wrong-format")


def _code_or(said: Any, code: str) -> str:
    """What the schema's author said if it is a code already, else `code`."""
    return said if isinstance(said, str) and _CODE.fullmatch(said) else code


class _Parser(FlaskParser):
    """webargs with the strict reader, and with our errors instead of its own."""

    DEFAULT_UNKNOWN_BY_LOCATION = {}  # noqa: RUF012  Empty: the schema alone decides, and ours refuse.

    def _raw_load_json(self, req: flask.Request) -> Any:
        return read_json(req.get_data(cache=True))

    def handle_error(self, error: ValidationError, req: flask.Request, schema: Schema, **_kwargs: Any) -> NoReturn:
        ((location, messages),) = error.messages_dict.items()
        code = "invalid-body" if location in ("json", "form", "files") else "invalid-query"
        raise Rejected(code, errors=field_errors(messages, schema))


def load(schema: Schema, value: Any, code: str = "invalid-body") -> Any:
    """`schema.load` for a value from elsewhere than the whole body; raises Rejected with `code` as a route would."""
    try:
        return schema.load(value)
    except ValidationError as error:
        raise Rejected(code, errors=field_errors(error.messages_dict, schema)) from None


def field_errors(messages: Any, schema: Schema) -> list[FieldError]:
    """marshmallow's nested messages as a flat list of at most 100, in its order, with dotted paths."""
    return list(islice(_flat(messages, (), schema), _MOST_ERRORS))


def _flat(messages: Any, path: tuple[str, ...], spec: Schema | fields.Field[Any] | None) -> Iterator[FieldError]:
    if not isinstance(messages, Mapping):
        for message in messages if isinstance(messages, list) else [messages]:
            yield _field_error(path, str(message))
        return
    for key, inner in messages.items():
        # marshmallow says beside an entry of a Dict whether its key or its value is wrong; the path is the same.
        hidden = key == "_schema" or (isinstance(spec, _Entry) and key in ("key", "value"))
        yield from _flat(inner, path if hidden else (*path, str(key)), _spec_inside(spec, key))


def _field_error(path: tuple[str, ...], message: str) -> FieldError:
    field = ".".join(path)
    return FieldError(field, message) if _CODE.fullmatch(message) else FieldError(field, "invalid-value", message)


class _Entry(fields.Field[Any]):
    """Stands for one entry of a Dict field on the way to its value."""

    def __init__(self, value: fields.Field[Any] | None) -> None:
        super().__init__()
        self.value = value


def _spec_inside(spec: Schema | fields.Field[Any] | None, key: Any) -> Schema | fields.Field[Any] | None:
    match spec:
        case Schema():
            inner = spec.fields.get(key)
            return inner.schema if isinstance(inner, fields.Nested) else inner
        case fields.List():
            return spec.inner.schema if isinstance(spec.inner, fields.Nested) else spec.inner
        case fields.Dict():
            return _Entry(spec.value_field)
        case _Entry() if key == "value":
            return spec.value.schema if isinstance(spec.value, fields.Nested) else spec.value
    return None


if TYPE_CHECKING:

    class _Routes(flask.Blueprint):
        """What flask-smorest, which has no types, gives to a blueprint."""

        description: str

        def __init__(self, name: str, import_name: str, *, description: str = "", **options: Any) -> None: ...
        def arguments(
            self, schema: type[Schema] | Schema, *, location: str = "json", **documented: Any
        ) -> _Decorator: ...
        def response(self, status_code: int, schema: Any = None, **documented: Any) -> _Decorator: ...
        def alt_response(self, status_code: int, response: str | None = None, **documented: Any) -> _Decorator: ...
        def doc(self, **documented: Any) -> _Decorator: ...
        def register_views_in_doc(
            self, api: flask_smorest.Api, app: flask.Flask, spec: Any, *, name: str, parameters: Any
        ) -> None: ...

else:
    _Routes = flask_smorest.Blueprint


class Nothing(Body):
    """What is sent where nothing has to be said: an empty object, or no body at all."""


class Blueprint(_Routes):
    """flask-smorest's Blueprint with the strict parser; `routes.arguments(BodySchema)` reads and checks a body."""

    ARGUMENTS_PARSER = _Parser()

    def arguments(self, schema: type[Schema] | Schema, *, location: str = "json", **documented: Any) -> "_Decorator":
        """As the library's, with one schema for all requests: to make one costs more than to read a small body."""
        made = schema() if isinstance(schema, type) else schema
        return super().arguments(made, location=location, **documented)

    def takes_nothing(self, view: Callable[..., Any]) -> Callable[..., Any]:
        """The route has no body to read: none is fine and so is {}; whoever sends more meant something else."""

        @wraps(view)
        def checked(*args: Any, **path: Any) -> Any:
            if data := flask.request.get_data(cache=True):
                load(Nothing(), read_json(data))
            return view(*args, **path)

        documented = {"required": False, "content": {"application/json": {"schema": Nothing}}}
        return self.doc(requestBody=documented)(checked)
