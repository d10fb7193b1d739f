"""Fifty logins at once, and what the others notice of it. The ratio is printed; only correctness is asserted."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from statistics import median

import pytest

from devstack.client import Answer, Client
from tests.e2e.customer import API, Customer

AT_ONCE = 50
STORMS = 5
QUIET_SAMPLES = 200
_visitors = itertools.count(1)


def guess(site: str) -> Answer:
    """A login for a number that there is not, which costs as much as any; each from an address of its own."""
    visitor = next(_visitors)
    client = Client(site, headers={"X-Forwarded-For": f"2001:db8:ffff:{visitor:x}::1"})
    return client.post(f"{API}/sessions", {"number": f"0399{visitor:06}", "password": "not-there-1"})


@pytest.mark.parametrize("other", ["bulk forwarding", "the list of sessions", "me"])
def test_fifty_logins_at_once_leave_the_others_alive(
    customer: Customer, stack_url: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {"bulk forwarding": customer.forwarding, "the list of sessions": f"{API}/sessions", "me": f"{API}/me"}
    browser = customer.at_home("line")
    timed(browser, paths[other])

    before = [timed(browser, paths[other]) for _ in range(QUIET_SAMPLES)]
    during, answers = stormed(stack_url, lambda: timed(browser, paths[other]))

    assert {answer.status for answer, _ in (*before, *during)} == {200}
    assert {(answer.status, answer.code) for answer in answers} <= {(401, "login-failed"), (503, "busy")}
    with capsys.disabled():
        print(
            f"\n{other}: {told(before, during)}; {sum(answer.status == 503 for answer in answers)} logins turned away"
        )


Timed = tuple[Answer, float]


def timed(browser: Client, path: str) -> Timed:
    began = time.perf_counter()
    answer = browser.get(path)
    return answer, time.perf_counter() - began


def stormed(site: str, sample: Callable[[], Timed]) -> tuple[list[Timed], list[Answer]]:
    """Samples taken while logins were being answered, and what those were told."""
    answers: list[Answer] = []
    samples: list[Timed] = []
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for _ in range(STORMS):
            logins = [threads.submit(guess, site) for _ in range(AT_ONCE)]
            samples += during(logins, sample)
            answers += [login.result() for login in logins]
    return samples, answers


def during(logins: Sequence[Future[Answer]], sample: Callable[[], Timed]) -> Iterator[Timed]:
    while wait(logins, timeout=0).not_done:
        yield sample()


def told(before: Sequence[Timed], during: Sequence[Timed]) -> str:
    quiet, busy = (median(seconds for _, seconds in timings) * 1000 for timings in (before, during))
    return f"median {quiet:.1f} ms, with {AT_ONCE} logins at once {busy:.1f} ms, ratio {busy / quiet:.2f}"
