"""Every error answer of every HTTP process: RFC 9457 problem documents with a stable `code`, from one table.

What a person should read is chosen by code and by Accept-Language, Japanese first. An unexpected exception becomes
500 `internal-error` that tells nothing of its cause; the log has the whole of it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import flask
import msgspec
import structlog
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import HTTPException

from chassis import telemetry
from chassis.errors import FieldError, Rejected, Stale, TooMany, TsunaguError, Unavailable

RETRY_AFTER_SECONDS = 2
# A code with its sentence in Japanese and in English.
Words = Mapping[str, tuple[str, str]]

WORDS: Words = {
    "bad-request": ("リクエストが正しくありません。", "The request is not valid."),
    "body-too-large": ("送られたデータが大きすぎます。", "The body is too large."),
    "busy": (
        "ただいま混み合っています。しばらくしてからお試しください。",
        "Too busy at the moment. Please try again.",
    ),
    "not-a-mail-address": ("メールアドレスを確かめてください（例：name@example.jp）。", "This is not a mail address."),
    "repeated-address": ("同じメールアドレスが2回あります。", "The same address is listed twice."),
    "control-character": (
        "改行などの制御文字は使えません。",
        "Line breaks and control characters cannot be used here.",
    ),
    "forbidden": ("この操作はできません。", "You may not do this."),
    "idempotency-key-reused": (
        "同じ Idempotency-Key が別の内容で使われています。",
        "This Idempotency-Key was used for another request.",
    ),
    "if-match-required": ("If-Match ヘッダーが必要です。", "An If-Match header is needed."),
    "internal-error": ("内部でエラーが発生しました。", "Something went wrong on our side."),
    "invalid-body": ("入力内容に誤りがあります。", "Some fields are not valid."),
    "invalid-idempotency-key": (
        "Idempotency-Key は 1～128 文字の ASCII 文字です。",
        "An Idempotency-Key is 1 to 128 printable ASCII characters.",
    ),
    "invalid-query": ("検索条件に誤りがあります。", "Some query parameters are not valid."),
    "invalid-value": ("値が正しくありません。", "This value is not valid."),
    "lost-race": ("同時に変更されました。もう一度お試しください。", "It changed at the same time. Please try again."),
    "method-not-allowed": ("このメソッドは使えません。", "This method is not allowed here."),
    "missing-field": ("必須の項目です。", "This field is required."),
    "not-found": ("見つかりません。", "There is no such thing."),
    "not-one-of": ("選べる値ではありません。", "This is none of the possible values."),
    "not-ready": ("準備中です。", "Not ready yet."),
    "out-of-range": ("値が範囲を外れています。", "This value is out of range."),
    "password-change-required": (
        "先にパスワードを変更してください。",
        "The password has to be changed first.",
    ),
    "repeated-number": ("同じ電話番号が2回あります。", "The same number is listed twice."),
    "service-unavailable": (
        "ただいま利用できません。しばらくしてからお試しください。",
        "Not available at the moment. Please try again.",
    ),
    "stale-etag": ("ほかの操作で変更されています。", "It was changed by someone else."),
    "store-unavailable": (
        "ただいま利用できません。しばらくしてからお試しください。",
        "Not available at the moment. Please try again.",
    ),
    "token-invalid": ("認証の情報が使えません。もう一度確かめてください。", "The bearer token is not valid."),
    "token-missing": ("認証が必要です。", "A bearer token is needed."),
    "too-long": ("長すぎます。", "This is too long."),
    "too-short": ("短すぎます。", "This is too short."),
    "unknown-field": ("この項目は使えません。", "There is no such field."),
    "unreadable-event": ("内部でエラーが発生しました。", "Something went wrong on our side."),
    "unreadable-json": ("JSON として読めません。", "The body cannot be read as JSON."),
    "unsupported-content-encoding": (
        "圧縮されたデータは受け付けていません。",
        "Compressed bodies are not accepted.",
    ),
    "unsupported-media-type": ("この Content-Type は使えません。", "This Content-Type is not accepted here."),
    "unwritable-event": ("保存できない文字が含まれています。", "There is text that cannot be stored."),
    "wrong-format": ("形式が正しくありません。", "This has the wrong format."),
    "wrong-length": ("長さが正しくありません。", "This has the wrong length."),
    "wrong-type": ("値の種類が正しくありません。", "This value has the wrong type."),
}

_CODES_BY_STATUS: Mapping[int, str] = {
    400: "bad-request",
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "unsupported-media-type",
    428: "if-match-required",
    503: "service-unavailable",
}


@dataclass(frozen=True)
class Problem:
    """An error answer. `extra` are further members of the document, `headers` of the answer."""

    status: int
    code: str
    detail: str = ""
    errors: tuple[FieldError, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def install(app: flask.Flask, words: Words) -> None:
    """Makes `app` answer every error with a problem document; `words` are sentences for its own codes."""
    app.extensions["words"] = {**WORDS, **words}
    app.register_error_handler(TsunaguError, answer_to)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(ParseException, _answer_unparsed)
    app.register_error_handler(Exception, _answer_unexpected)


def install_net(app: flask.Flask, error: type[Exception], code: str) -> None:
    """A net under a library's errors: `error` anywhere means that something is down for now, 503 with `code`."""

    def answer_down(raised: Exception) -> flask.Response:
        structlog.get_logger().warning("engine-unavailable", code=code, cause=str(raised))
        return answer_to(Unavailable(code))

    app.register_error_handler(error, answer_down)


def answer_to(error: TsunaguError) -> flask.Response:
    """What the present caller is told of an error of ours."""
    return answer(_of_ours(error))


def answer(problem: Problem) -> flask.Response:
    """The problem as an answer to the present request, in its language."""
    words = _wording()
    document = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail or words(problem.code),
        **({"errors": [_shown(error, words) for error in problem.errors]} if problem.errors else {}),
        **problem.extra,
    }
    response = flask.Response(msgspec.json.encode(document), problem.status, mimetype="application/problem+json")
    response.headers.update(problem.headers)
    response.headers.setdefault("Cache-Control", "no-store")
    response.vary.add("Accept-Language")
    return response


def _shown(error: FieldError, words: Callable[[str], str]) -> dict[str, str]:
    return {"field": error.field, "code": error.code, "message": error.message or words(error.code)}


def _wording() -> Callable[[str], str]:
    words: Words = flask.current_app.extensions["words"]
    index = ("ja", "en").index(flask.request.accept_languages.best_match(("ja", "en")) or "ja")
    return lambda code: words[code][index] if code in words else code.replace("-", " ")


def _of_ours(error: TsunaguError) -> Problem:
    details = dict(error.details)
    errors = _errors(details.pop("errors", ()), details, error)
    problem = Problem(error.status, error.code, error.message, errors, {"details": details} if details else {})
    match error:
        case Unavailable():
            # What has failed inside is for the log; callers are told in words, and when to come again.
            structlog.get_logger().warning("unavailable", code=error.code, cause=error.message, **error.details)
            return replace(problem, detail="", extra={}, headers={"Retry-After": str(error.retry_after)})
        case TooMany():
            return replace(problem, headers={"Retry-After": str(error.retry_after)})
        case Stale(current=current) if current is not None:
            return replace(problem, extra={**problem.extra, "current": current})
        case Rejected():
            telemetry.COMMANDS_REJECTED.labels(error.code).inc()
    return problem if error.status != HTTPStatus.UNAUTHORIZED else replace(problem, headers=_CHALLENGE)


_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tsunagu"'}


def _errors(listed: Sequence[FieldError], details: dict[str, Any], error: TsunaguError) -> tuple[FieldError, ...]:
    if "field" in details:
        return (*listed, FieldError(str(details.pop("field")), error.code, error.message))
    return tuple(listed)


def _answer_http(error: HTTPException) -> flask.Response:
    status = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    code = _CODES_BY_STATUS.get(status) or _kebab(HTTPStatus(status).phrase)
    kept = ("Allow", "Retry-After", "WWW-Authenticate")
    headers = {name: value for name, value in error.get_headers() if name in kept}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", str(RETRY_AFTER_SECONDS))
    return answer(Problem(status, code, headers=headers))


def _answer_unparsed(_error: Exception) -> flask.Response:
    """A body that breaks the rules of HTTP in its middle: gunicorn notices when it is read."""
    return answer(Problem(HTTPStatus.BAD_REQUEST, _CODES_BY_STATUS[HTTPStatus.BAD_REQUEST]))


def _kebab(phrase: str) -> str:
    return re.sub(r"[^a-z]+", "-", phrase.lower()).strip("-")


def _answer_unexpected(error: Exception) -> flask.Response:
    structlog.get_logger().error("request-failed", exc_info=error)
    return answer(Problem(500, "internal-error"))
