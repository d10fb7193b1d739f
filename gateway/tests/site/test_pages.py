"""What holds of every page, whatever it shows: small, safe headers, nothing inline, one heading, both languages."""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from werkzeug.routing import Rule

from gateway.site.install import is_page
from gateway.tests.site.visitor import CONTRACT, SITE, Visitor

GATEWAY = Path(__file__).parents[2]
HTML_BYTES, CSS_BYTES, JS_BYTES = 14 * 1024, 12 * 1024, 5 * 1024
ZIPPED = {"Accept-Encoding": "gzip"}
NEVER = re.compile(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


def addresses() -> list[str]:
    """Every address of the site that is looked at, with numbers that the visitor has."""
    with ExitStack() as stack:
        rules = list(Visitor(stack).client.application.url_map.iter_rules())
    return sorted({_filled(rule) for rule in rules if "GET" in (rule.methods or ()) and is_page(str(rule))})


def _filled(rule: Rule) -> str:
    return re.sub(r"<[^>]*>", CONTRACT, str(rule))


ADDRESSES = addresses()


@pytest.fixture(params=["ja", "en"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("path", ADDRESSES)
@pytest.mark.parametrize("logged_in", [False, True], ids=["visitor", "customer"])
def test_every_page_is_small_and_hardened(visitor: Visitor, path: str, logged_in: bool, language: str) -> None:
    if logged_in:
        visitor.log_in()

    page = visitor.open(f"{path}?lang={language}")
    zipped = visitor.client.get(path, base_url=SITE, headers=ZIPPED, follow_redirects=True)

    headers = page.response.headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Strict-Transport-Security"]
    assert len(zipped.data) <= HTML_BYTES
    if page.response.mimetype == "text/html":
        assert zipped.headers["Content-Encoding"] == "gzip"
        assert not NEVER.search(page.text)
        assert page.text.count("<h1") == 1
        assert page.lang == language
        assert page.text.count("<main") == 1


def test_the_stylesheet_and_the_script_are_small(visitor: Visitor) -> None:
    sizes = {}
    for name in re.findall(r'"(/static/[^"]+)"', visitor.open("/login").text):
        sizes[name.rpartition("/")[2]] = len(visitor.client.get(name, base_url=SITE, headers=ZIPPED).data)

    assert sizes.pop("site.css") <= CSS_BYTES
    assert sizes.pop("site.js") <= JS_BYTES
    assert sum(sizes.values()) < 1024


def test_the_first_view_is_small_as_a_whole(visitor: Visitor) -> None:
    paths = ["/login", *re.findall(r'"(/static/[^"]+)"', visitor.open("/login").text)]

    whole = sum(len(visitor.client.get(path, base_url=SITE, headers=ZIPPED).data) for path in paths)

    assert whole <= 50 * 1024


def test_methods_that_no_page_has_are_refused_with_a_page(visitor: Visitor) -> None:
    answer = visitor.client.put("/login", base_url=SITE)

    assert (answer.status_code, answer.mimetype) == (405, "text/html")
    assert "POST" in answer.headers["Allow"]


def test_the_gallery_shows_every_component() -> None:
    """Parts of other parts, and those of the frame around each page, are shown by these."""
    templates = GATEWAY / "templates"
    everything = [(templates / name).read_text(encoding="utf-8") for name in ("gallery/gallery.html", "layout.html")]

    unseen = [
        path.name
        for path in sorted((templates / "components").glob("*.html"))
        if path.name != "label.html" and f'"components/{path.name}"' not in "".join(everything)
    ]

    assert not unseen
