"""The yardstick of pages: Flask, Jinja, one read of the same MongoDB, and nothing else.

`/` shows the same twenty of two hundred numbers as the top page, each with its sentence and its switches, out of one
collection. No login, no services, no languages, no proofs of forms, no compression. `/nothing` shows not even that.
"""

from dataclasses import dataclass

import flask
from jinja2 import Environment

from chassis.mongo import Document, connect
from chassis.settings import read, variable

DATABASE, COLLECTION = "bench-pages", "numbers"
SHOWN, OPTIONS = 20, ("ボイスワープ", "着信お知らせメール")
_PAGE = Environment(
    autoescape=True
).from_string("""<!doctype html>
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
    app, rows = flask.Flask(__name__), connect(read(Settings).mongo_url, DATABASE)[COLLECTION]

    @app.get("/")
    def show() -> str:
        return _PAGE.render(rows=list(rows.find().sort("_id").limit(SHOWN)))

    @app.get("/nothing")
    def nothing() -> str:
        return "ok"

    return app


def fill(mongo_url: str, count: int) -> None:
    """The rows of so many numbers, instead of those that are there."""
    db = connect(mongo_url, DATABASE)
    db.client.drop_database(DATABASE)
    db[COLLECTION].insert_many([_row(number) for number in range(count)])
    db.client.close()


def empty(mongo_url: str) -> None:
    client = connect(mongo_url, DATABASE).client
    client.drop_database(DATABASE)
    client.close()


def _row(number: int) -> Document:
    sentence = "いま電話がかかると、この電話が15秒鳴り、出ないときは090-1234-5678へ転送されます。"
    return {"_id": f"06-{number:04}-0000", "sentence": sentence, "options": dict.fromkeys(OPTIONS, number % 2 == 0)}
