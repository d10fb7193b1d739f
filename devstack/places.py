"""Where things lie: the clone (libraries, jars, shared by all stacks) and a stack's own folder (data, logs, keys)."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from devstack.trouble import Trouble

REPOSITORY = Path(__file__).resolve().parent.parent
KAFKA_HOME = REPOSITORY / ".tsunagu" / "kafka"
FREE_BYTES_NEEDED = 1_000_000_000


@dataclass(frozen=True)
class Places:
    """Paths of one stack under `root`. Nothing exists before `make` was called."""

    root: Path

    @property
    def mongo_data(self) -> Path:
        return self.root / "mongo"

    @property
    def kafka_data(self) -> Path:
        return self.root / "kafka-data"

    @property
    def mails(self) -> Path:
        return self.root / "mails"

    @property
    def voices(self) -> Path:
        return self.root / "voices"

    @property
    def spool(self) -> Path:
        return self.root / "spool"

    @property
    def logs(self) -> Path:
        return self.root / "log"

    @property
    def metrics(self) -> Path:
        return self.root / "metrics"

    @property
    def signing_key(self) -> Path:
        return self.root / "keys" / "signing.pem"

    @property
    def public_keys(self) -> Path:
        return self.root / "keys" / "jwks.json"

    @property
    def password_pepper(self) -> Path:
        return self.root / "keys" / "pepper"

    @property
    def ports(self) -> Path:
        return self.root / "ports.json"

    @property
    def run(self) -> Path:
        return self.root / "run.json"

    @property
    def demo(self) -> Path:
        return self.root / "demo.json"

    @property
    def lock(self) -> Path:
        return self.root / "running.lock"

    def make(self) -> None:
        """Makes the folders. Raises Trouble when this user cannot or when the disk is nearly full."""
        try:
            for folder in (self.root, self.logs, self.metrics, self.signing_key.parent):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Trouble(f"{self.root} cannot be written: {error.strerror}.") from error
        self.signing_key.parent.chmod(0o700)
        self._need_room()

    def _need_room(self) -> None:
        free = shutil.disk_usage(self.root).free
        if free < FREE_BYTES_NEEDED:
            raise Trouble(
                f"The disk of {self.root} is nearly full ({free // 1_000_000} MB free); "
                f"free {FREE_BYTES_NEEDED // 1_000_000} MB or more and try again."
            )


def write_private(path: Path, text: str) -> None:
    """Replaces the file as a whole, readable by this user only (mode 600)."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
