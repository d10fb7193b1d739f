"""A page that edits one setting: shown, refused with what to mend, asked about, saved, and in conflict with another.

Most pages of settings are an `Edit` and a template.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from flask.typing import ResponseReturnValue

from gateway.site.desk import Site
from gateway.site.forms import Form, Wrong
from gateway.site.services import Object, Reply
from gateway.site.wording import OwnWords, named

Values = Mapping[str, str | Sequence[str]]


class Row(NamedTuple):
    """One line of a setting in words, for comparing: what, and how it is. `label` is in the page's language."""

    label: str
    words: str


@dataclass(frozen=True)
class Edit:
    """How a setting becomes a form and back.

    `path` is the setting's under /api/v1, `url` the page's own, `done` where to go after saving. `values` are those of
    the fields, `body` is what PUT takes: of the form, on top of the setting as it is. `rows` words a setting for the
    conflict page and for the page that asks first; `asks` says whether that page is wanted for a change from one
    setting to another. `names` says which row of a list a field belongs to, as the page calls it, "" where there is no
    other; it is said before what is wrong there. `tidy` is done to a form first, such as closing gaps in a list, so
    that what a service finds wrong has the place that the page shows. `check` finds what is wrong before it is asked
    about.
    """

    path: str
    url: str
    template: str
    done: str
    said: str
    values: Callable[[Object], Values]
    body: Callable[[Form, Object], Object]
    rows: Callable[[Object], Sequence[Row]]
    words: OwnWords = field(default_factory=dict)
    names: Callable[[str], str] = lambda field: ""
    tidy: Callable[[Form], Form] = lambda form: form
    check: Callable[[Form], Sequence[Wrong]] = lambda form: ()
    asks: Callable[[Object, Object], bool] = lambda before, after: False
    # Template of the page that asks, with `rows`; it may extend the general one.
    question: str = "editing/confirm.html"


def edit(site: Site, page: Edit, **context: Any) -> ResponseReturnValue:
    """Answers GET and POST of the page; `context` goes to its templates beside `form` and `setting`."""
    now = site.services.get(page.path)
    if not site.sending:
        form = site.resumed() or Form.filled(page.values(now.body), now.etag)
        return site.render(page.template, form=form, setting=now.body, **context)
    return _save(site, page, now, context)


def _save(site: Site, page: Edit, now: Reply, context: Mapping[str, Any]) -> ResponseReturnValue:
    form = page.tidy(site.form)
    body = page.body(form, now.body)
    wrong = page.check(form)
    if not wrong and not form.confirmed and page.asks(now.body, body):
        return _ask(site, page, form, now, body, context)
    reply = Reply(422) if wrong else site.services.send("PUT", page.path, body, etag=form.etag, once=form.once)
    if reply.done:
        return site.go(page.done, site.done(page.said))
    if reply.status == 412:
        return _show_both(site, page, form, body)
    again = form.again(*_named(page, wrong or site.wrong(reply, page.words)))
    return site.render(page.template, reply.status, form=again, setting=now.body, **context)


def _named(page: Edit, wrong: Sequence[Wrong]) -> list[Wrong]:
    """Each with the name of its row, where the page has several of a kind."""
    return [Wrong(one.field, named(page.names(one.field), one.sentence)) for one in wrong]


def _ask(
    site: Site, page: Edit, form: Form, now: Reply, body: Object, context: Mapping[str, Any]
) -> ResponseReturnValue:
    compared = compare(page.rows(now.body), page.rows(body))
    return site.render(page.question, form=form, page=page, rows=compared, setting=now.body, **context)


def _show_both(site: Site, page: Edit, form: Form, typed: Object) -> ResponseReturnValue:
    """Somebody else has saved meanwhile: both versions, and the choice."""
    now = site.services.get(page.path)
    rows = compare(page.rows(now.body), page.rows(typed))
    return site.render("editing/conflict.html", 412, form=form.again(), page=page, rows=rows, etag=now.etag)


class Compared(NamedTuple):
    """The same line of two versions of a setting; "" where one has no such line."""

    label: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


def compare(before: Sequence[Row], after: Sequence[Row]) -> list[Compared]:
    """Line by line, by label, in the order of `before` and then of what is new."""
    old, new = dict(before), dict(after)
    return [Compared(label, old.get(label, ""), new.get(label, "")) for label in {**old, **new}]
