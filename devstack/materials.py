"""`./tsunagu sbom`: which libraries there are, as a CycloneDX document. Made of `requirements.lock`, without a network.

`./tsunagu check` makes it too, and compares it with the lock: a document that leaves out what it cannot read would be
worse than none.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from devstack.places import REPOSITORY
from devstack.trouble import Trouble

LOCK = REPOSITORY / "requirements.lock"
DOCUMENT = REPOSITORY / ".tsunagu" / "sbom.json"
_LIBRARY = re.compile(r"^([\w.-]+)==([^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def write(file: Path, validate: bool = True) -> int:
    """Writes the document and tells how many libraries it has. Raises Trouble when it is not the whole lock."""
    file.parent.mkdir(parents=True, exist_ok=True)
    checked = "--validate" if validate else "--no-validate"
    options = ["--pyproject", "pyproject.toml", "--output-reproducible", checked, "--of", "JSON", "-o", str(file)]
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", *options, str(LOCK)]
    made = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Trouble(f"The list of libraries was not made: {made.stderr.strip()}")
    document = json.loads(file.read_text(encoding="utf-8"))
    if missing := left_out(document, LOCK.read_text(encoding="utf-8")):
        raise Trouble(f"The list of libraries leaves out, or has with other hashes: {', '.join(missing)}")
    return len(document["components"])


# Name, version, and the hashes of its files.
Library = tuple[str, str, frozenset[str]]


def left_out(document: Mapping[str, Any], lock: str) -> list[str]:
    """What a lock pins and the document does not have in the same version with the same hashes."""
    there = set(listed(document))
    return [f"{library[0]} {library[1]}" for library in locked(lock) if library not in there]


def locked(lock: str) -> Iterator[Library]:
    """What a lock pins."""
    entries = [*_LIBRARY.finditer(lock)]
    ends = [*(entry.start() for entry in entries[1:]), len(lock)]
    for entry, end in zip(entries, ends, strict=True):
        yield entry[1], entry[2], frozenset(_HASH.findall(lock[entry.end() : end]))


def listed(document: Mapping[str, Any]) -> Iterator[Library]:
    """What a CycloneDX document lists."""
    for component in document["components"]:
        places = component.get("externalReferences", ())
        hashes = frozenset(one["content"] for place in places for one in place.get("hashes", ()))
        yield component["name"], component["version"], hashes


if __name__ == "__main__":
    try:
        write(DOCUMENT, validate=False)  # What the schema of CycloneDX asks for is the library's own business.
    except Trouble as trouble:
        sys.exit(str(trouble))
