"""Talking to a running stack through its gateway, as anyone outside would."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import urllib3

from devstack.trouble import Trouble


@dataclass(frozen=True)
class Answer:
    """`body` is the decoded JSON, None when there is none."""

    status: int
    body: Any
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def code(self) -> str:
        """The problem's code, or the status where the answer is no problem."""
        return str(self.body.get("code", self.status)) if isinstance(self.body, Mapping) else str(self.status)


class Client:
    """One base URL, one bearer. Connection errors are raised as Trouble; any HTTP status is an Answer.

    `headers` go with every request.
    """

    def __init__(
        self, base: str, bearer: str = "", seconds: float = 30.0, headers: Mapping[str, str] | None = None
    ) -> None:
        self.bearer = bearer
        self._base = base.rstrip("/")
        self._headers = {**(headers or {}), **({"Authorization": f"Bearer {bearer}"} if bearer else {})}
        self._pool = urllib3.PoolManager(timeout=seconds, retries=False)

    def get(self, path: str) -> Answer:
        return self._send("GET", path)

    def post(self, path: str, body: object = None) -> Answer:
        return self._send("POST", path, body)

    def delete(self, path: str) -> Answer:
        return self._send("DELETE", path)

    def put(self, path: str, body: object) -> Answer:
        """With the ETag of what lies there now, if something does: the last writer wins."""
        return self._send("PUT", path, body, self.get(path).etag)

    def _send(self, method: str, path: str, body: object = None, etag: str | None = None) -> Answer:
        headers = {"If-Match": etag} if etag else {}
        content = None
        if body is not None:
            content, headers = json.dumps(body).encode(), headers | {"Content-Type": "application/json"}
        return self.send(method, path, content, headers)

    def send(
        self, method: str, path: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Any request with any body."""
        told = {**self._headers, **(headers or {})}
        try:
            response = self._pool.request(method, self._base + path, body=content, headers=told)
        except urllib3.exceptions.HTTPError as error:
            raise Trouble(f"{self._base} does not answer: {error}.") from error
        return Answer(response.status, _decoded(response.data), response.headers.get("ETag"), response.headers)


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return None


def expect(answer: Answer, what: str, accepted: Callable[[int], bool] = lambda status: status < 300) -> Answer:
    """The answer itself, or Trouble that says what was asked and how it was refused."""
    if not accepted(answer.status):
        raise Trouble(f"{what} was refused: {answer.status} {answer.code}.")
    return answer
