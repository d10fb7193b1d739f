"""How long a customer waits for the list of faxes while many come in, beside the same list when none does.

Faxes are offered at a steady pace, several at a time, and the list is read at a steady pace before, meanwhile and
after; a time counts from when a read was due. Then every fax is looked for in the list and its bytes are held against
what was sent: one that is missing, there twice or different makes the figures void.
"""

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from itertools import islice
from statistics import median, quantiles

import psutil  # type: ignore[import-untyped]
import urllib3
from PIL import Image, ImageDraw

from bench.ground import Ground
from devstack import results, seed
from devstack.results import Result, Void
from devstack.services import tasks, web, worker

TITLE = "The list of faxes while many come in, beside the same list when none does; every fax counted and compared."
PROCESSES = (web("faxstore"), *(worker("faxstore", task) for task in tasks("faxstore")))
ROUNDS, FAXES, PAGES, DOCUMENTS = 3, 334, 3, 20
FAXES_A_SECOND, AT_A_TIME = 5, 4
READS_A_SECOND, READERS, IDLE_SECONDS = 10, 8, 20.0
# Of a page in fine resolution, 204 by 196 dots an inch.
SIZE, DPI = (1728, 2287), (204, 196)
TRIES = 20
GOAL = 2.0
FIRST, FLAT = "after the first", 1.05


def run(ground: Ground) -> Result:
    """A fax that is not taken, lost, doubled or changed makes the figures void. The faxes are deleted at the end."""
    processes = {name: ground.stack.pids[name] for name in PROCESSES}
    site, memory = Site(ground.gateway_url, ground.keys, seed.FAX_NUMBER), Memory(processes)
    idle, busy, rates = list[Reads](), list[Reads](), list[float]()
    for _ in ground.in_rounds(f"Rounds of {FAXES} faxes", ROUNDS):
        faxes = list(islice(made(), FAXES))
        before = reading(site, lambda: pause(IDLE_SECONDS))
        began = time.monotonic()
        busy.append(reading(site, partial(post, site, faxes)))
        rates.append(FAXES / (time.monotonic() - began))
        memory.look()
        check(site, faxes)
        ground.settle()
        idle.append(before.and_then(reading(site, lambda: pause(IDLE_SECONDS))))
        tidy(site, faxes)
    p50 = {"meanwhile": [one.p50 for one in busy], "idle": [one.p50 for one in idle]}
    p95 = {"meanwhile": [one.p95 for one in busy], "idle": [one.p95 for one in idle]}
    figures = {
        "the list, median": results.figure("ms", p50, beside="idle", goal=results.at_most(GOAL)),
        "the list, p95": results.figure("ms", p95, beside="idle", goal=results.at_most(GOAL)),
        "faxes taken": results.figure("faxes/s", {"faxstore": rates}),
        **memory.figures(),
    }
    offered = f"{FAXES} faxes of {PAGES} pages, {FAXES_A_SECOND}/s offered, {AT_A_TIME} at a time."
    return Result("faxes", TITLE, "", figures, notes=[offered])


@dataclass(frozen=True)
class Fax:
    """What its receiver sends."""

    id: str
    document: bytes


def made() -> Iterator[Fax]:
    """No two alike: a few bytes behind the last page differ, which readers pass over."""
    documents = [_document(number) for number in range(DOCUMENTS)]
    while True:
        fax_id = uuid.uuid4().hex
        yield Fax(fax_id, documents[int(fax_id, 16) % DOCUMENTS] + fax_id.encode())


def _document(number: int) -> bytes:
    first, *more = [_page(random.Random(f"{number} {page}")) for page in range(PAGES)]
    written = BytesIO()
    first.save(written, "TIFF", compression="group4", dpi=DPI, save_all=True, append_images=more)
    return written.getvalue()


def _page(chance: random.Random) -> Image.Image:
    """A letter: fifty lines of words, and a filled shape."""
    page = Image.new("1", SIZE, 1)
    pen = ImageDraw.Draw(page)
    for line in range(50):
        words = " ".join(f"{chance.randrange(10 ** chance.randrange(1, 9))}" for _ in range(30))
        pen.text((150, 150 + 40 * line), words, fill=0)
    pen.ellipse((1200, 1700, 1200 + chance.randrange(50, 400), 2000), fill=0)
    return page


@dataclass(frozen=True)
class Site:
    """The gateway, as receiver and as operator; an operator's look leaves a fax unread."""

    url: str
    keys: Mapping[str, str]
    number: str
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(maxsize=AT_A_TIME + READERS, timeout=150.0)
    )

    def post(self, fax: Fax) -> None:
        """Until it is taken, as receivers do."""
        form = {
            "id": fax.id,
            "called": self.number,
            "received_at": "2026-11-23T09:00:00+09:00",
            "document": ("fax.tif", fax.document),
        }
        for _ in range(TRIES):
            answer = self._send("POST", "/faxes", "faxes", fields=form)
            if answer.status != 503:
                break
            pause(float(answer.headers.get("Retry-After", "1")))
        if answer.status not in (200, 201):
            raise RuntimeError(f"a fax was not taken: {answer.status} {answer.data[:200]!r}")

    def list(self, before: str = "", limit: int = 50) -> tuple[list[str], str]:
        """Ids of a page, and the `before` of the next."""
        query = f"?limit={limit}" + (f"&before={before}" if before else "")
        body = json.loads(self._expect("GET", query, 200).data)
        return [item["id"] for item in body["items"]], body["next"] or ""

    def document(self, fax: Fax) -> bytes:
        return self._expect("GET", f"/{fax.id}/document", 200).data

    def delete(self, fax: Fax) -> None:
        self._expect("DELETE", f"/{fax.id}", 204)

    def _expect(self, method: str, path: str, status: int) -> urllib3.BaseHTTPResponse:
        answer = self._send(method, f"/numbers/{self.number}/faxes{path}", "operator")
        if answer.status != status:
            raise RuntimeError(f"{method} of a fax or of the list: {answer.status} {answer.data[:200]!r}")
        return answer

    def _send(self, method: str, path: str, key: str, **more: object) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {self.keys[key]}"}
        return self.pool.request(method, f"{self.url}/api/v1{path}", headers=headers, retries=False, **more)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Reads:
    """What reads took, in milliseconds."""

    p50: float
    p95: float

    def and_then(self, later: "Reads") -> "Reads":
        """What is halfway between."""
        return Reads((self.p50 + later.p50) / 2, (self.p95 + later.p95) / 2)


def reading(site: Site, act: Callable[[], None]) -> Reads:
    """The list, read all the time while `act` is carried out."""

    def read(due: float) -> float:
        site.list()
        return (time.monotonic() - due) * 1000

    with ThreadPoolExecutor(1) as aside, ThreadPoolExecutor(READERS) as readers:
        acting, began, reads = aside.submit(act), time.monotonic(), list[Future[float]]()
        while not acting.done():
            due = began + len(reads) / READS_A_SECOND
            pause(due - time.monotonic())
            reads.append(readers.submit(read, due))
        acting.result()
        taken = [one.result() for one in reads]
    return Reads(median(taken), quantiles(taken, n=20)[-1])


def post(site: Site, faxes: Sequence[Fax]) -> None:
    began = time.monotonic()

    def one(place: int) -> None:
        pause(began + place / FAXES_A_SECOND - time.monotonic())
        site.post(faxes[place])

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(one, range(len(faxes))))


def pause(seconds: float) -> None:
    threading.Event().wait(max(0.0, seconds))


def check(site: Site, faxes: Sequence[Fax]) -> None:
    listed = Counter(_all_listed(site))
    if any(listed[fax.id] != 1 for fax in faxes):
        raise Void("not every fax is in the list once")
    if any(site.document(fax) != fax.document for fax in faxes):
        raise Void("a fax has not the bytes that were sent")


def _all_listed(site: Site) -> Iterator[str]:
    ids, before = site.list(limit=200)
    yield from ids
    while before:
        ids, before = site.list(before, 200)
        yield from ids


def tidy(site: Site, faxes: Sequence[Fax]) -> None:
    for fax in faxes:
        site.delete(fax)


class Memory:
    """What processes have of it, each with its children, in MB."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        self._processes = processes
        self._seen: dict[str, list[float]] = {name: [] for name in processes}

    def look(self) -> None:
        for name, pid in self._processes.items():
            self._seen[name].append(_resident(pid) / 1e6)

    def figures(self) -> dict[str, results.Figure]:
        """What a process has after each round beside what it had after the first, in which it warmed up."""
        return {
            f"memory of {name}": results.figure(
                "MB",
                {"after later rounds": seen[1:], FIRST: seen[:1] * len(seen[1:])},
                beside=FIRST,
                goal=results.at_most(FLAT),
            )
            for name, seen in self._seen.items()
            if len(seen) > 1
        }


def _resident(pid: int) -> int:
    if not psutil.pid_exists(pid):
        raise Void("a process of faxstore has ended meanwhile")
    total, process = 0, psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # A child was replaced.
    return total
