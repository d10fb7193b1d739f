"""`./tsunagu import`: a file of contracts to the gateway, with a progress bar from its streamed answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import urllib3
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from devstack.operating import operator_key
from devstack.running import need
from devstack.trouble import Trouble

KINDS = {".csv": "text/csv", ".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson"}
COUNTED = ("imported", "changed", "unchanged", "rejected")
SECONDS = 900.0


def import_contracts(file: Path) -> int:
    """Prints each refused row as `line N: code message`. The number of refused rows. Raises Trouble."""
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise Trouble(f"{file.name}: the name must end in one of {', '.join(KINDS)}.")
    base, key, console = need().gateway_url, operator_key(), Console()
    last: dict[str, Any] = {}
    with file.open("rb") as content, _bar(console) as progress:
        task = progress.add_task("contracts", total=_lines(file) - (kind == "text/csv"))
        for last in _answers(content, file.stat().st_size, kind, base, key):
            _show_errors(last, progress.console)
            progress.update(task, completed=sum(last.get(name, 0) for name in COUNTED))
    console.print(", ".join(f"{last.get(name, 0)} {name}" for name in COUNTED), highlight=False)
    if not last.get("done", True):
        raise Trouble("The answer ended in the middle; import the file again, it changes nothing twice.")
    return int(last.get("rejected", 0))


def _show_errors(answer: dict[str, Any], console: Console) -> None:
    for error in answer.get("errors", ()):
        line = f"line {error['line']}: {error['code']} {error['message']}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _answers(content: IO[bytes], size: int, kind: str, base: str, key: str) -> Iterator[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": kind, "Accept": "application/x-ndjson"}
    headers["Content-Length"] = str(size)
    pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=10, read=SECONDS), retries=False)
    try:
        response = pool.request(
            "POST", f"{base}/api/v1/contracts", body=content, headers=headers, preload_content=False
        )
        if response.status >= 300:
            raise Trouble(f"The import was refused: {response.status} {_reason(response.data)}.")
        yield from (json.loads(line) for line in _split(response))
    except urllib3.exceptions.HTTPError as error:
        raise Trouble(f"{base} broke off: {error}; import the file again, it changes nothing twice.") from error


def _split(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for part in response.stream(65_536):
        *whole, rest = (rest + part).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest


def _reason(data: bytes) -> str:
    try:
        problem = json.loads(data)
    except ValueError:
        return "without a reason"
    return f"{problem.get('code', '')} {problem.get('detail', '')}".strip()


def _lines(file: Path) -> int:
    with file.open("rb") as content:
        return sum(1 for line in content if line.strip())


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console)
