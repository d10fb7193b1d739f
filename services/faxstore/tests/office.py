"""The whole of faxstore over HTTP, with real processes that read documents: as its receiver, its customers and its
worker have it."""

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask

from chassis.auth import Principal
from chassis.handling import Handler
from chassis.testing import OPERATOR
from services.faxstore.adapters import Contents, Spool
from services.faxstore.bootstrap import build
from services.faxstore.flows import Shelf
from services.faxstore.formats import Limits, ProcessDarkroom
from services.faxstore.model import fax, setting
from services.faxstore.settings import Settings
from services.faxstore.tasks import Developer, Housekeeper
from services.faxstore.tests.examples import NOTE, NUMBER

LIST = f"/numbers/{NUMBER}/faxes"


@dataclass
class Office:
    """One number's; `room` is to be closed at the end."""

    app: Flask
    receiver: dict[str, str]
    customer: dict[str, str]
    contents: Contents
    spool: Path
    room: ProcessDarkroom
    developer: Developer
    keeper: Housekeeper

    def send(self, id: str, document: bytes) -> Any:
        form = {"id": id, "called": NUMBER, "received_at": "2026-11-23T09:00:00+09:00"}
        data = form | {"document": (BytesIO(document), "../fax.tif")}
        return self.app.test_client().post(
            "/faxes", data=data, headers=self.receiver, content_type="multipart/form-data"
        )

    def get(self, path: str) -> Any:
        return self.app.test_client().get(f"{LIST}{path}", headers=self.customer)

    def listed(self) -> list[str]:
        return [item["id"] for item in self.get("").json["items"]]

    def delete(self, id: str) -> int:
        status: int = self.app.test_client().delete(f"{LIST}/{id}", headers=self.customer).status_code
        return status


def open_office(store: Any, views: Any, contents: Contents, folder: Path, keys: Any, limits: Limits) -> Office:
    room = ProcessDarkroom(limits)
    settings = Settings("mongodb://127.0.0.1:1/", ("127.0.0.1:1",), keys.public, folder, most_faxes=10_000)
    app = build(settings, store=store, views=views, contents=contents, darkroom=room).app()
    numbers: Handler[Any] = Handler(store, setting.DECIDER, setting.CATEGORY)
    faxes: Handler[Any] = Handler(store, fax.DECIDER, fax.CATEGORY)
    numbers.handle(NUMBER, NOTE, OPERATOR)
    spool = Spool(folder)
    return Office(
        app,
        keys.caller(Principal("machine", "fax-gateway", frozenset({"faxes"}))),
        keys.caller(Principal("operator", "desk", frozenset({"operator"}))),
        contents,
        folder,
        room,
        Developer(Shelf(numbers, faxes, views, contents), spool, room),
        Housekeeper(numbers, faxes, views, contents, spool, timedelta(days=60), timedelta(minutes=10)),
    )
