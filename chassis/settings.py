"""Settings of a process, read once from its environment into one frozen dataclass.

The only module that looks at the environment, so that what a process depends on is visible in one place, and a start
with a wrong environment fails at once with the whole list instead of later, one variable at a time.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, field, fields
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

SettingsT = TypeVar("SettingsT")


class SettingsError(Exception):
    """The environment does not fit; `problems` has one sentence per variable and never a secret value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("The environment is not usable:\n" + "\n".join(f"  {problem}" for problem in problems))
        self.problems = problems


def variable(doc: str, *, default: Any = MISSING, secret: bool = False) -> Any:
    """One documented environment variable, named as the field in upper case. Without a default it must be set.

    A secret is left out of the dataclass's repr and of every message.
    """
    return field(default=default, repr=not secret, metadata={"doc": doc, "secret": secret})


def read(settings_class: type[SettingsT], environ: Mapping[str, str] | None = None) -> SettingsT:
    """The settings from `environ`, by default this process's environment.

    Fields may be str, int, float, bool, Path, tuple[str, ...] (commas) or timedelta (seconds). An empty variable counts
    as missing, because that is what a compose file makes of an unset one.
    Raises SettingsError with every missing and every malformed variable at once.
    """
    source = os.environ if environ is None else environ
    hints = get_type_hints(settings_class)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for spec in fields(settings_class):  # type: ignore[arg-type]
        try:
            values |= _value(spec, hints[spec.name], source)
        except ValueError as problem:
            problems.append(str(problem))
    if problems:
        raise SettingsError(problems)
    return settings_class(**values)


def _value(spec: Field[Any], kind: Any, environ: Mapping[str, str]) -> dict[str, Any]:
    name, text = spec.name.upper(), environ.get(spec.name.upper(), "")
    if not text:
        if spec.default is MISSING:
            raise ValueError(f"{name} is missing: {spec.metadata.get('doc', '')}")
        return {}
    wanted, parse = _PARSERS[kind]
    try:
        return {spec.name: parse(text)}
    except (ValueError, OverflowError):
        shown = "" if spec.metadata.get("secret") else f", not {text!r}"
        raise ValueError(f"{name} must be {wanted}{shown}") from None


def _boolean(text: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    if text.lower() not in known:
        raise ValueError(text)
    return known[text.lower()]


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


_PARSERS: Mapping[Any, tuple[str, Callable[[str], Any]]] = {
    str: ("text", str),
    int: ("a whole number", int),
    float: ("a number", float),
    bool: ("true or false", _boolean),
    Path: ("a path", Path),
    tuple[str, ...]: ("words separated by commas", _words),
    timedelta: ("a number of seconds", lambda text: timedelta(seconds=float(text))),
}
