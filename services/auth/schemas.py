"""The JSON of contracts, API keys, sessions and passwords (spec sections 1, 2, 9 and 12)."""

import re
from collections.abc import Set
from datetime import datetime
from functools import partial
from typing import Any, get_args

from marshmallow import ValidationError, fields, post_load, validate

from chassis.answers import Answer
from chassis.auth import Principal
from chassis.errors import FieldError, Rejected
from chassis.fields import ByTypedNumber, TypedNumber, one_line
from chassis.web import Body
from contracts import phone
from contracts.auth import (
    Contract,
    ContractChanged,
    ContractImported,
    ContractOption,
    ContractRemoved,
    LoginFailed,
    LoginSucceeded,
    NumberOption,
    PasswordChanged,
    PasswordInvalidated,
)
from contracts.ivr import Unit
from services.auth.flows.sessions import Listed, Login, Opened
from services.auth.flows.tokens import Granted
from services.auth.model.credential import CurrentPasswordWrong, SessionsEnded, TemporaryPasswordSet, scope
from services.auth.model.keyring import SCOPES, ApiKey

LONGEST_PASSWORD = 128
Number = partial(TypedNumber, phone.normalise)
_DIGITS = re.compile(r"[0-9]{1,15}")


class LoginNumber(TypedNumber):
    """A number that somebody may have, whether anybody does or not."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = super()._deserialize(value, attr, data, **kwargs)
        if not _DIGITS.fullmatch(number):
            raise ValidationError("not-a-subscriber-number")
        return number


def _text(most: int) -> fields.String:
    return fields.String(load_default="", validate=[validate.Length(max=most), one_line])


def _options(known: tuple[str, ...], **kwargs: Any) -> fields.List[Any]:
    return fields.List(fields.String(validate=validate.OneOf(known)), validate=validate.Length(max=20), **kwargs)


class ContractBody(Body):
    """A contract. Its own number is one of its numbers, with or without being listed."""

    contract_number = Number(required=True)
    circuit = _text(128)
    contractor = _text(100)
    site = _text(100)
    options = _options(get_args(ContractOption), load_default=list)
    numbers = ByTypedNumber(phone.normalise, values=_options(get_args(NumberOption)), load_default=dict)

    @post_load
    def contract(self, data: dict[str, Any], **_: Any) -> Contract:
        numbers = {data["contract_number"]: [], **data["numbers"]}
        return Contract(
            data["contract_number"],
            data["circuit"],
            data["contractor"],
            data["site"],
            tuple(sorted(set(data["options"]))),
            {number: tuple(sorted(set(options))) for number, options in sorted(numbers.items())},
        )


class ApiKeyBody(Body):
    """A key to be made."""

    name = fields.String(required=True, validate=[validate.Length(1, 64), one_line])
    scopes = fields.List(
        fields.String(validate=validate.OneOf(SCOPES)), required=True, validate=validate.Length(1, len(SCOPES))
    )


class BearerBody(Body):
    """What the gateway was shown by a caller."""

    bearer = fields.String(required=True, validate=validate.Length(1, 4096))


def _password(least: int = 1) -> fields.String:
    return fields.String(required=True, validate=validate.Length(least, LONGEST_PASSWORD))


class LoginBody(Body):
    """Who wants in."""

    number = LoginNumber(phone.normalise, required=True)
    password = _password()


class PasswordBody(Body):
    """A new password, which is typed twice. `check_new` knows what it has to be."""

    current = _password(0)
    new = _password(0)
    new_again = _password(0)


class ContractSchema(Answer):
    """What is answered of a contract, and what PUT takes back."""

    contract_number = fields.String()
    circuit = fields.String()
    contractor = fields.String()
    site = fields.String()
    options = fields.List(fields.String())
    numbers = fields.Dict(fields.String(), fields.List(fields.String()))


class RowFieldErrorSchema(Answer):
    """What is wrong with a field of a line."""

    field = fields.String()
    code = fields.String()


class RowErrorSchema(Answer):
    """What is wrong with a line of an import: with its fields, or without any, as `message` says, with all of it."""

    line = fields.Integer()
    code = fields.String()
    message = fields.String()
    errors = fields.List(fields.Nested(RowFieldErrorSchema))


class ImportReportSchema(Answer):
    """How far an import is: counts of all lines until now, and the errors since the report before."""

    done = fields.Boolean()
    imported = fields.Integer()
    changed = fields.Integer()
    unchanged = fields.Integer()
    rejected = fields.Integer()
    errors = fields.List(fields.Nested(RowErrorSchema))


class ImportSchema(ImportReportSchema):
    """A whole import, with its first errors and how many more there are."""

    errors_left_out = fields.Integer()


class KeySchema(Answer):
    """An API key as operators see it."""

    id = fields.String()
    name = fields.String()
    scopes = fields.List(fields.String())
    created_at = fields.AwareDateTime()
    revoked = fields.Boolean()
    last_seen = fields.AwareDateTime(allow_none=True)


class KeysSchema(Answer):
    """All keys."""

    items = fields.List(fields.Nested(KeySchema))


class NewKeySchema(KeySchema):
    """A key that was just made, with the key itself."""

    key = fields.String()


class PublicKeysSchema(Answer):
    """A JWKS document (RFC 7517)."""

    keys = fields.List(fields.Dict())


class SessionSchema(Answer):
    """A session. Its token is in the answer that opens it and nowhere else."""

    sometimes = ("token",)

    token = fields.String()
    id = fields.String()
    number = fields.String()
    unit = fields.String(validate=validate.OneOf(get_args(Unit)))
    started_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()
    must_change_password = fields.Boolean()
    numbers = fields.List(fields.String())


class ListedSessionSchema(Answer):
    """One session of a list; `source` is the address that opened it."""

    id = fields.String()
    started_at = fields.AwareDateTime()
    last_seen = fields.AwareDateTime()
    source = fields.String()
    current = fields.Boolean()


class SessionsSchema(Answer):
    """The open sessions of a number."""

    items = fields.List(fields.Nested(ListedSessionSchema))


class NumberOptionsSchema(Answer):
    """A number with the names of its options."""

    number = fields.String()
    options = fields.List(fields.String())


class CustomerSchema(Answer):
    """What a login opens."""

    number = fields.String()
    unit = fields.String(validate=validate.OneOf(get_args(Unit)))
    contract_number = fields.String()
    numbers = fields.List(fields.Nested(NumberOptionsSchema))
    options = fields.List(fields.String())


class LoginSchema(CustomerSchema):
    """What a login opens, and until when; no numbers and no options while the password has to be changed."""

    session_expires_at = fields.AwareDateTime()
    must_change_password = fields.Boolean()


class TokenSchema(Answer):
    """A signed token; `expires_in` is in seconds. `login` is null for an API key."""

    token = fields.String()
    expires_in = fields.Integer()
    login = fields.Nested(LoginSchema, allow_none=True)


def shown(contract: Contract) -> dict[str, Any]:
    """What GET answers, and what PUT takes."""
    return {
        "contract_number": contract.contract_number,
        "circuit": contract.circuit,
        "contractor": contract.contractor,
        "site": contract.site,
        "options": list(contract.options),
        "numbers": {number: list(options) for number, options in contract.numbers.items()},
    }


def shown_key(key: ApiKey, last_seen: datetime | None) -> dict[str, Any]:
    """A key as operators see it; the key itself cannot be shown again."""
    return {
        "id": key.key_id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created_at": key.created_at.isoformat(),
        "revoked": key.revoked,
        "last_seen": last_seen.isoformat() if last_seen else None,
    }


def shown_session(opened: Opened) -> dict[str, Any]:
    """A session (spec section 12). Its token is in the answer that opens it and nowhere else."""
    present, contract = opened.present, opened.present.contract
    numbers = scope(contract, present.number, present.credential.unit)[0] if contract else frozenset()
    return {
        **({"token": opened.token} if opened.token else {}),
        "id": opened.session.session_id,
        "number": present.number,
        "unit": present.credential.unit,
        "started_at": opened.session.started_at.isoformat(),
        "expires_at": opened.expires_at.isoformat(),
        "must_change_password": opened.session.restricted,
        "numbers": _own_first(numbers, present.number),
    }


def listed_session(listed: Listed) -> dict[str, Any]:
    """One session of a list."""
    return {
        "id": listed.session.session_id,
        "started_at": listed.session.started_at.isoformat(),
        "last_seen": listed.last_seen.isoformat(),
        "source": listed.source,
        "current": listed.current,
    }


def shown_customer(caller: Principal, contract: Contract) -> dict[str, Any]:
    """What a login opens: the names of options, whose states other services know."""
    return {
        "number": caller.id,
        "unit": caller.unit,
        "contract_number": contract.contract_number,
        "numbers": [
            {"number": number, "options": list(contract.numbers[number])}
            for number in _own_first(caller.numbers & contract.numbers.keys(), contract.contract_number)
        ],
        "options": list(contract.options) if caller.all_numbers else [],
    }


def shown_token(granted: Granted) -> dict[str, Any]:
    """A token with the login that it stands for, so that a page need not ask for that too."""
    login = _shown_login(granted.login) if granted.login else None
    return {"token": granted.token, "expires_in": granted.seconds, "login": login}


def _shown_login(login: Login) -> dict[str, Any]:
    nothing = dict.fromkeys(("numbers", "options"), ()) if login.who.restricted else {}
    return {
        **shown_customer(login.who, login.contract),
        **nothing,
        "session_expires_at": login.expires_at.isoformat(),
        "must_change_password": login.who.restricted,
    }


def _own_first(numbers: Set[str], own: str) -> list[str]:
    return sorted(numbers, key=lambda number: (number != own, number))


def row_error(line: int, problem: Rejected, words: str) -> dict[str, Any]:
    """What is wrong with a line of an import; `words` where it is the line as a whole."""
    errors: list[FieldError] = list(problem.details.get("errors", ()))
    told = ", ".join(f"{error.field}: {error.code}" for error in errors) or problem.details.get("reason")
    by_field = [{"field": error.field, "code": error.code} for error in errors]
    return {"line": line, "code": problem.code, "message": told or words, "errors": by_field}


# Fields of events by which the rules go, and which say nothing to people.
UNTOLD = frozenset({"tenure", "sequence"})


def sentence(event: Any) -> tuple[str, str] | None:
    """What the history says of an event, in Japanese and English."""
    match event:
        case ContractImported():
            return "ご契約を登録しました", "The contract was registered"
        case ContractChanged():
            return "ご契約の内容を変更しました", "The contract was changed"
        case ContractRemoved():
            return "ご契約を終了しました", "The contract has ended"
        case TemporaryPasswordSet():
            return "電話で仮パスワードを設定しました", "A temporary password was set by telephone"
        case PasswordChanged():
            return "パスワードを変更しました", "The password was changed"
        case LoginSucceeded():
            return "ログインしました", "Somebody logged in"
        case LoginFailed(wrong_in_a_row=wrong):
            return f"ログインに失敗しました（続けて{wrong}回目）", f"A login failed ({wrong} in a row)"
        case CurrentPasswordWrong():
            return (
                "パスワード変更で、現在のパスワードが誤っていました",
                "The current password was wrong when it was to be changed",
            )
        case PasswordInvalidated():
            return (
                "続けて誤ったため、パスワードを無効にしました",
                "The password became invalid after too many wrong ones in a row",
            )
        case SessionsEnded(reason="logged-out"):
            return "ログアウトしました", "Somebody logged out"
        case SessionsEnded(reason="guessing"):
            return (
                "パスワード変更で続けて誤ったため、ログインを終了しました",
                "A login ended after too many wrong passwords in it",
            )
        case SessionsEnded(reason="too-many"):
            return "ログインが多いため、古いものを終了しました", "An old login ended to make room for a new one"
    return None
