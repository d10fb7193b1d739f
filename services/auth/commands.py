"""auth's own commands for operators at a shell."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from chassis.auth import rotate_signing_key
from chassis.messages import Actor, Origin
from services.auth.flows.keys import Keys
from services.auth.model.keyring import SCOPES, Scope

USAGE = f"usage: api-key create NAME --scope SCOPE [--scope SCOPE ...]   scopes: {', '.join(SCOPES)}\n"


def api_key(keys: Keys) -> Callable[[Sequence[str]], int]:
    """`api-key create NAME --scope S...` prints the key alone."""

    def run(arguments: Sequence[str]) -> int:
        match arguments:
            case ["create", name, *rest] if rest and (scopes := _scopes(rest)):
                secret, _ = keys.create(name, scopes, Origin(Actor("operator", "shell"), f"api-key {name}"))
                sys.stdout.write(secret + "\n")
                return 0
            case _:
                sys.stderr.write(USAGE)
                return 2

    return run


def token_key(signing_key: Path, public_keys: Path) -> Callable[[Sequence[str]], int]:
    """`token-key rotate` prints the id of the new key. Nobody is logged out and nothing has to be started again."""

    def run(arguments: Sequence[str]) -> int:
        if list(arguments) != ["rotate"]:
            sys.stderr.write("usage: token-key rotate\n")
            return 2
        sys.stdout.write(rotate_signing_key(signing_key, public_keys) + "\n")
        return 0

    return run


def _scopes(rest: Sequence[str]) -> tuple[Scope, ...]:
    """The scopes of `--scope A --scope B`; none when it is anything else."""
    flags, names = rest[::2], rest[1::2]
    known = tuple(scope for name in names for scope in SCOPES if scope == name)
    return known if set(flags) == {"--scope"} and len(known) == len(flags) else ()
