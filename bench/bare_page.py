"""The yardsticks of pages: Flask, Jinja, the same MongoDB, and nothing else.

`/` shows the same twenty of two hundred numbers as the top page, each with its sentence and its switches. It reads what
the top page asks services for, each from a collection of its own, one after the other, as one program would.
`/one-read` has all of a number in one document. `/nothing` says ok. There are no services, no languages, no proofs of
forms and no compression.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass

import flask
from jinja2 import Environment
from pymongo.database import Database

from bench import serving as served
from chassis.mongo import Document, connect
from chassis.settings import read, variable

DATABASE = "bench-pages"
SHOWN, OPTIONS = 20, ("ボイスワープ", "着信お知らせメール")
# Read as a whole, beside the contract: as much as the top page asks for.
SINGLE = ("session", "plan", "notice", "line")
_PAGE = Environment(autoescape=True).from_string("""<!doctype html>
<html lang="ja"><head><meta charset="utf-8"><title>ご契約のオプション</title></head><body><main>
<h1>ご契約のオプション</h1>
{% for row in rows %}<section class="card"><h2>{{ row._id }}</h2><p>{{ row.sentence }}</p>
{% for name, started in row.options.items() %}<div class="option"><p><a href="/numbers/{{ row._id }}">{{ name }}</a></p>
<span class="tag">{{ "開始中" if started else "停止中" }}</span>
<form method="post" action="/numbers/{{ row._id }}/{{ name }}">
<button>{{ "停止する" if started else "開始する" }}</button></form></div>{% endfor %}
</section>{% endfor %}</main></body></html>""")


@dataclass(frozen=True)
class Settings:
    mongo_url: str = variable("Of the database that holds the rows.")


def create_app() -> flask.Flask:
    app, db = flask.Flask(__name__), connect(read(Settings).mongo_url, DATABASE)

    @app.get("/")
    def show() -> str:
        return _PAGE.render(rows=_joined(db), **{name: db[name].find_one({"_id": 1}) for name in SINGLE})

    @app.get("/one-read")
    def show_rows() -> str:
        return _PAGE.render(rows=list(db["rows"].find().sort("_id").limit(SHOWN)))

    @app.get("/nothing")
    def nothing() -> str:
        return "ok"

    return app


def _joined(db: Database[Document]) -> Iterator[Document]:
    """The contract names its numbers; the settings of those that are shown are read after that."""
    contract = db["contract"].find_one({"_id": 1}) or {}
    wanted = {"_id": {"$in": contract["numbers"][:SHOWN]}}
    states = {name: {one["_id"]: one["started"] for one in db[name].find(wanted)} for name in OPTIONS}
    for number, sentence in ((one["_id"], one["sentence"]) for one in db["sentence"].find(wanted)):
        yield {"_id": number, "sentence": sentence, "options": {name: states[name][number] for name in OPTIONS}}


def serving(mongo_url: str, threads: int) -> AbstractContextManager[str]:
    """The pages in a process of their own; their address."""
    return served.serving("bench.bare_page", threads, {"MONGO_URL": mongo_url})


def fill(mongo_url: str, count: int) -> None:
    """The rows of so many numbers, instead of those that are there."""
    db, rows = connect(mongo_url, DATABASE), [_row(number) for number in range(count)]
    db.client.drop_database(DATABASE)
    db["rows"].insert_many(rows)
    db["sentence"].insert_many({"_id": one["_id"], "sentence": one["sentence"]} for one in rows)
    for name in OPTIONS:
        db[name].insert_many({"_id": one["_id"], "started": one["options"][name]} for one in rows)
    for name in ("contract", *SINGLE):
        db[name].insert_one({"_id": 1, "numbers": [one["_id"] for one in rows]})
    db.client.close()


def empty(mongo_url: str) -> None:
    client = connect(mongo_url, DATABASE).client
    client.drop_database(DATABASE)
    client.close()


def _row(number: int) -> Document:
    sentence = "いま電話がかかると、この電話が15秒鳴り、出ないときは090-1234-5678へ転送されます。"
    return {"_id": f"06-{number:04}-0000", "sentence": sentence, "options": dict.fromkeys(OPTIONS, number % 2 == 0)}
