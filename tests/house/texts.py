"""What must not stand in any file of the repository."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from tests.house.repository import Repository

# Written in halves, so that this file holds none of them.
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
REGISTRIES = (
    "py" + "pi.org",
    "pythonhosted" + ".org",
    "npm" + "js.org",
    "maven" + ".org",
    "maven.apache" + ".org",
    "docker" + ".io",
    "docker" + ".com",
    "ghcr" + ".io",
    "quay" + ".io",
    "gcr" + ".io",
    "proxy.golang" + ".org",
)
MACHINE_PATHS = re.compile(r"(?<![\w.~-])/(work|home|root|Users|mnt|srv)/[\w.-]")
# A private key, and an API key or the token of a session as auth makes them.
SECRETS = re.compile(r"-----BEGIN [A-Z ]*PRIV" + r"ATE KEY-----\s*$|\bts[us]_[A-Za-z0-9_-]{40,}")
INDEXES = ("INDEX_URL", "REGISTRY", "PROXY")


def unfinished(repository: Repository) -> list[str]:
    return _lines(repository, lambda line: bool(UNFINISHED.search(line)))


def registry_hosts(repository: Repository, environment: Mapping[str, str] = os.environ) -> list[str]:
    """Hosts of package registries: the well-known ones, and the ones that this machine is set to use."""
    hosts = (*REGISTRIES, *_hosts_in(environment))
    return _lines(repository, lambda line: any(host in line for host in hosts))


def _hosts_in(environment: Mapping[str, str]) -> list[str]:
    urls = [value for name, value in environment.items() if any(part in name.upper() for part in INDEXES)]
    hosts = [urlsplit(url).hostname or "" for url in urls if "://" in url]
    return [host for host in hosts if "." in host and not host.startswith("127.")]


def machine_paths(repository: Repository) -> list[str]:
    """Paths of one machine: home and work folders, and the place of this very checkout."""
    here = place_of(repository.root)
    return _lines(repository, lambda line: bool(MACHINE_PATHS.search(line) or here.search(line)))


def secrets(repository: Repository) -> list[str]:
    return _lines(repository, lambda line: bool(SECRETS.search(line)))


def place_of(root: Path) -> re.Pattern[str]:
    """What finds the path of a checkout in a line. One as short as /app is in many a word, and tells of no machine."""
    if len(root.parts) < 3:
        return re.compile(r"(?!)")
    return re.compile(rf"(?<![\w.~-]){re.escape(str(root))}(?![\w-])")


def _lines(repository: Repository, is_bad: Callable[[str], bool]) -> list[str]:
    return [
        f"{name}:{number} {line.strip()[:100]}"
        for name, text in repository.texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if is_bad(line)
    ]
