"""`python -m chassis.keyfiles SIGNING_KEY PUBLIC_KEYS PEPPER`: the key files of a new installation.

They belong together, so one command makes them. What is there is never touched: a new pepper would invalidate every
password, and the file of public keys may hold one more than the present key's.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from chassis.auth import make_signing_key, write_jwks
from chassis.passwords import make_pepper


def make_missing(signing_key: Path, public_keys: Path, pepper: Path) -> None:
    """Writes those files that are not there, and their folders. Private ones are for their owner alone."""
    make_signing_key(signing_key)
    if not public_keys.exists():
        write_jwks(public_keys, signing_key)
    make_pepper(pepper)


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 done, 2 not understood."""
    if len(arguments) != 3:
        sys.stderr.write("usage: python -m chassis.keyfiles SIGNING_KEY PUBLIC_KEYS PEPPER\n")
        return 2
    make_missing(*map(Path, arguments))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
