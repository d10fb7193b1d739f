"""Mail addresses in bodies. Its library is in the groups of the services that read such bodies."""

from typing import Any

from email_validator import EmailNotValidError, validate_email
from marshmallow import ValidationError, fields


class MailAddress(fields.String):
    """A mail address, only what every mail server takes: ASCII. Spaces around it are a slip of the hand."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=_deliverable, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, attr, data, **kwargs).strip()


def _deliverable(text: str) -> None:
    if not text.isascii():
        raise ValidationError("not-a-mail-address")
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        raise ValidationError("not-a-mail-address") from None


def distinct_addresses(addresses: list[str]) -> None:
    """A validator: nobody is told twice. Two spellings of one name in capitals and small letters are one."""
    if len({address.lower() for address in addresses}) != len(addresses):
        raise ValidationError("repeated-address")
