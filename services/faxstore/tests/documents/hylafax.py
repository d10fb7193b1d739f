"""HylaFAX, the program of many fax receivers, as far as it writes the TIFF files of faxes.

Its `cqtest` takes a fax as it comes over the line through the decoder, the copy quality check and the writer of
`faxgetty`, which need no modem.
"""

import os
import subprocess
from pathlib import Path


class HylaFax:
    """The files of its packages below `root`."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "usr" / "lib" / "hylafax"

    def received(self, line: Path, kept: Path) -> None:
        """Keeps what comes over the `line`, a TIFF with G3 as it was sent, as a file of HylaFAX's own."""
        command: list[str | Path] = [self._folder / "bin" / "cqtest", "-o", kept, line]
        environment = os.environ | {"LD_LIBRARY_PATH": str(self._folder)}
        subprocess.run(command, check=True, capture_output=True, env=environment)
