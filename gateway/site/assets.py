"""The stylesheet and the script, each under a name that changes with its content, so that browsers keep it for ever."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from flask import Response

from chassis.errors import NotFound

FOLDER = Path(__file__).parents[1] / "static"
# What each asset is put together from. The tokens are デジタル庁デザインシステム's, see static/LICENSE-tokens.txt.
PARTS: Mapping[str, tuple[str, ...]] = {
    "site.css": ("tokens.css", "site.css"),
    "site.js": ("site.js",),
    "icon.svg": ("icon.svg",),
}
_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
FOR_EVER = "public, max-age=31536000, immutable"
FOR_NOW = "public, max-age=60"


@dataclass(frozen=True)
class Asset:
    data: bytes
    zipped: bytes
    digest: str
    type: str


class Assets:
    """All of them, read once."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._all = {name: _asset(name, folder) for name in PARTS}

    def url(self, name: str) -> str:
        return f"/static/{self._all[name].digest}/{name}"

    def answer(self, digest: str, name: str, zipped: bool) -> Response:
        """An asset under its present name for ever; under one of another release for a minute, as it is now."""
        if not (asset := self._all.get(name)):
            raise NotFound("not-found")
        response = Response(asset.zipped if zipped else asset.data, mimetype=asset.type)
        response.headers["Cache-Control"] = FOR_EVER if digest == asset.digest else FOR_NOW
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
        return response


def _asset(name: str, folder: Path) -> Asset:
    data = b"\n".join((folder / part).read_bytes() for part in PARTS[name])
    digest = hashlib.sha256(data).hexdigest()[:16]
    return Asset(data, gzip.compress(data, 9, mtime=0), digest, _TYPES[name.rpartition(".")[2]])
