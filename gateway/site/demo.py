"""The demo that this gateway is part of, as the embedded stack tells of it in a file. Anywhere else there is none."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

# Nobody but the gateway's own user may know the keys in the file.
OTHERS = 0o077


class Told(msgspec.Struct, frozen=True):
    """What the demo's pages need: where its mails are shown, keys by scope, which numbers can call."""

    mail_url: str | None = None
    api_keys: dict[str, str] = {}
    numbers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Demo:
    """`file` is "" where there is no demo. Read anew each time, as keys come and go while the gateway runs."""

    file: str = ""

    def told(self) -> Told | None:
        """None without a demo, and while its file is missing, open to others, or no such file."""
        path = Path(self.file)
        try:
            if not self.file or path.stat().st_mode & OTHERS:
                return None
            return msgspec.json.decode(path.read_bytes(), type=Told)
        except (OSError, msgspec.DecodeError):
            return None

    def telephone_key(self) -> str:
        """Of the telephone; "" without one."""
        told = self.told()
        return told.api_keys.get("ivr", "") if told else ""
