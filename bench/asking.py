"""Asks a server for one answer again and again, as a bench of answers does."""

from collections.abc import Callable, Mapping

import urllib3

from chassis.testing import eventually
from devstack.results import Void


def asker(pool: urllib3.PoolManager, url: str, headers: Mapping[str, str], said: str) -> Callable[[], None]:
    """A function that asks for `url` once: Void is raised where the answer is not 200 or does not say `said`.

    Waits here until the server answers at all.
    """

    def ask() -> None:
        answer = pool.request("GET", url, headers=headers, redirect=False)
        if answer.status != 200 or said not in answer.data.decode():
            raise Void(f"{url} did not give what was asked for: {answer.status}")

    eventually(lambda: _comes(ask))
    return ask


def _comes(ask: Callable[[], None]) -> bool:
    try:
        ask()
    except urllib3.exceptions.HTTPError:
        return False
    return True
