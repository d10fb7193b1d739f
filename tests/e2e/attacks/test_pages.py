"""The site, from a browser that somebody else has prepared, and with contents that somebody else has typed."""

import re
from collections.abc import Callable, Iterator

import pytest

from chassis.testing import eventually
from devstack.services import SERVICES
from gateway.bootstrap import build
from gateway.settings import Settings
from tests.e2e.attacks.browser import SESSION, VISIT, Browser, Page
from tests.e2e.attacks.wire import sent
from tests.e2e.customer import API, LASTING, Customer

NOWHERE = "http://127.0.0.1:9"
# Fixed by what a page needs; a variable of a path that is not here names a thing that there is not.
KNOWN = {"option": "voicewarp", "order": "start", "name": "none", "digest": "0", "id": "none", "fax_id": "none"}


def site_rules(method: str) -> Iterator[str]:
    """Every address of the site that takes this method."""
    services = {f"{name}_url": NOWHERE for name in SERVICES}
    app = build(Settings(**services))  # type: ignore[arg-type]
    for rule in app.url_map.iter_rules():
        if method in (rule.methods or ()) and not rule.rule.startswith(("/api/", "/health", "/static", "/metrics")):
            yield rule.rule


def address(rule: str, victim: Customer) -> str:
    known = KNOWN | {"number": victim.number, "contract_number": victim.number}
    return re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", lambda variable: known.get(variable[1], "1"), rule)


@pytest.fixture(name="home", scope="module")
def logged_in(victim: Customer) -> Browser:
    victim.at_home("line")
    browser = Browser(victim.site, f"2001:db8:{victim.number[2:6]}:{victim.number[6:]}::b")
    assert browser.log_in(victim.number, LASTING).status == 303
    assert browser.get("/").status == 200
    return browser


# --- sessions


@pytest.mark.attack(17)
def test_a_session_that_was_planted_before_the_login_is_worth_nothing_after_it(victim: Customer, home: Browser) -> None:
    planted = {SESSION: "tss_planted-by-somebody-else", VISIT: "planted-too"}
    browser = Browser(victim.site, home.source, dict(planted))

    answer = browser.log_in(victim.number, LASTING)

    assert answer.status == 303
    assert browser.cookies[SESSION] not in planted.values()
    theirs = Browser(victim.site, cookies=planted)
    assert theirs.get("/").headers["Location"].startswith("/login")
    before = browser.cookies[SESSION]
    browser.log_in(victim.number, LASTING)
    assert browser.cookies[SESSION] != before, "each login has a session of its own"


@pytest.mark.attack(18)
def test_a_cookie_that_is_replayed_after_the_logout_opens_nothing(victim: Customer, home: Browser) -> None:
    browser = Browser(victim.site, home.source)
    browser.log_in(victim.number, LASTING)
    stolen = Browser(victim.site, cookies=dict(browser.cookies))
    assert stolen.get("/").status == 200

    assert browser.post("/logout", {"csrf": browser.get("/").proof}).status == 303

    assert stolen.get("/").headers["Location"].startswith("/login")
    assert victim.visitor(stolen.cookies.get(SESSION, "tss_gone")).get(f"{API}/me").status == 401


@pytest.mark.attack(20)
def test_no_cookie_is_for_scripts_or_for_other_sites(victim: Customer, home: Browser) -> None:
    browser = Browser(victim.site, home.source)

    answers = [browser.get("/login?lang=en"), browser.log_in(victim.number, LASTING)]

    cookies = [line for answer in answers for line in answer.headers.getlist("Set-Cookie")]
    assert len(cookies) >= 3
    for cookie in cookies:
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; ")), cookie
        assert "Domain" not in cookie


# --- forms


@pytest.fixture(name="state")
def all_settings(victim: Customer) -> Callable[[], list[object]]:
    """What a forged form could have changed, as operators see it."""
    paths = [
        victim.forwarding,
        f"{API}/contracts/{victim.number}/fault-notice",
        f"{API}/contracts/{victim.number}",
        *(f"{API}/numbers/{victim.number}/{option}" for option in ("voicewarp", "incoming-mail", "fax-mail")),
    ]

    def keys() -> set[tuple[str, bool]]:
        """Which keys there are and hold. When one was last seen is left out: asking changes it."""
        return {(key["id"], key["revoked"]) for key in victim.operator.get(f"{API}/api-keys").body["items"]}

    return lambda: [*((answer.status, answer.etag) for answer in map(victim.operator.get, paths)), keys()]


FORGERIES = {
    "from another site": {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    "from a neighbour of the site": {"Sec-Fetch-Site": "same-site"},
    "by a link": {"Sec-Fetch-Site": "none"},
    "with another origin": {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
    "with no origin": {"Sec-Fetch-Site": "", "Origin": "null"},
    "as text": {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
}


@pytest.mark.attack(25)
@pytest.mark.parametrize("headers", FORGERIES.values(), ids=FORGERIES)
def test_no_form_that_came_from_elsewhere_does_anything(
    victim: Customer, home: Browser, state: Callable[[], list[object]], headers: dict[str, str]
) -> None:
    """Every form of the site, in the browser of a customer; with the proof of somebody else."""
    attacker = Browser(victim.site)
    fields = {
        "csrf": attacker.get("/login").proof,
        "number": "0312345678",
        "started": "on",
        "destination": "0312345678",
    }
    forms, before = list(site_rules("POST")), state()
    kept = {name: value for name, value in headers.items() if value}

    statuses = {rule: forged(home, address(rule, victim), fields, kept).status for rule in forms}

    assert len(forms) > 20
    assert {rule: status for rule, status in statuses.items() if status not in (403, 404)} == {}
    assert state() == before
    assert home.get("/").status == 200, "nobody was logged out by it"


def forged(home: Browser, path: str, fields: dict[str, str], headers: dict[str, str]) -> Page:
    browser = Browser(home.site, home.source, dict(home.cookies))
    return browser.post(path, fields, **({"Sec-Fetch-Site": "cross-site"} | headers))


@pytest.mark.attack(25)
def test_the_proof_of_another_session_is_none(
    victim: Customer, home: Browser, state: Callable[[], list[object]]
) -> None:
    """Also where the browser says that the form is ours: what was typed is asked about again, and nothing is done."""
    attacker = Browser(victim.site, home.source)
    attacker.log_in(victim.number, LASTING)
    fields = {"csrf": attacker.get("/").proof, "number": "0312345678", "started": "on"}
    before = state()

    for rule in site_rules("POST"):
        browser = Browser(home.site, home.source, dict(home.cookies))
        browser.post(address(rule, victim), fields)

    assert state() == before
    assert home.get("/").status == 200


@pytest.mark.attack(25)
def test_looking_changes_nothing(victim: Customer, home: Browser, state: Callable[[], list[object]]) -> None:
    before = state()

    for rule in [*site_rules("POST"), *site_rules("GET")]:
        path = address(rule, victim)
        for asked in (path, f"{path}?started=on&number=0312345678&csrf=x&_method=POST"):
            home.get(asked, **{"X-HTTP-Method-Override": "POST"})

    assert state() == before


@pytest.mark.attack(28)
@pytest.mark.parametrize(
    "url",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%09/evil.example",
        "javascript:x",
    ],
)
def test_no_page_leads_to_another_site(victim: Customer, home: Browser, url: str) -> None:
    answers = [home.get(f"/?next={url}&back={url}&url={url}&lang={url}")]
    browser = Browser(victim.site, home.source)
    form = browser.get(f"/login?next={url}")
    fields = {"csrf": form.proof, "number": victim.number, "password": LASTING, "next": url, "back": url}
    answers.append(browser.post("/login", fields, Host="evil.example"))
    answers.append(browser.post("/login", fields))

    locations = [answer.headers.get("Location", "/") for answer in answers]
    assert [one for one in locations if not re.match(r"/(?![/\\])", one)] == []


# --- what comes back

PLAIN_TEXT = b"X-Plain: 1\r\n\r\n"
HOST = b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
REQUESTS = {
    "a page": b"GET /login" + HOST + b"\r\n",
    "a page that wants a login": b"GET /" + HOST + b"\r\n",
    "no page": b"GET /nowhere" + HOST + b"\r\n",
    "the interface": b"GET /api/v1/me" + HOST + b"\r\n",
    "no path of it": b"GET /api/v1/nowhere" + HOST + b"\r\n",
    "its document": b"GET /api/v1/openapi.json" + HOST + b"\r\n",
    "the page of it": b"GET /api/v1/docs" + HOST + b"\r\n",
    "another method": b"PATCH /login" + HOST + b"\r\n",
    "a method that is none": b"FOO /login" + HOST + b"\r\n",
    "a form from elsewhere": b"POST /login" + HOST + b"Sec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n\r\n",
    "too large a body": b"POST /api/v1/sessions" + HOST + b"Content-Length: 99999999\r\n\r\n",
    "too long an address": b"GET /" + b"a" * 5_000 + HOST + b"\r\n",
    "too large a header": b"GET /" + HOST + b"X: " + b"a" * 50_000 + b"\r\n\r\n",
    "no request": b"FOO\r\n\r\n",
    "two lengths": b"POST /" + HOST + b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "health": b"GET /health/live" + HOST + b"\r\n",
}


@pytest.mark.attack(26, 29)
@pytest.mark.parametrize("data", REQUESTS.values(), ids=REQUESTS)
def test_every_answer_forbids_what_browsers_could_be_made_to_do(stack_url: str, data: bytes) -> None:
    (answer, *_) = sent(stack_url, data)

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    if answer.status not in (400, 414, 431):  # What is no request is told no more than that.
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.attack(29)
def test_no_page_of_a_customer_is_kept_by_any_cache(victim: Customer, home: Browser) -> None:
    pages = {rule: home.get(address(rule, victim)) for rule in site_rules("GET") if "<" not in rule or "number" in rule}

    shown = {rule: page for rule, page in pages.items() if page.status == 200}
    assert len(shown) > 20
    assert {rule for rule, page in shown.items() if page.headers["Cache-Control"] != "no-store"} == set()


SCRIPT = "<script>alert(4711)</script>"
BREAKOUT = "\"'><img src=x onerror=alert(4711)>"
TEMPLATE = "{{9973*9967}}{%raw%}${9973*9967}"


@pytest.mark.attack(27)
def test_what_somebody_has_typed_is_shown_and_never_run(full_customer: Callable[[], Customer]) -> None:
    """Names of contracts, labels, causes of faults, callers: on every page of the site, in both languages."""
    victim = full_customer()
    victim.operator.put(
        f"{API}/contracts/{victim.number}",
        victim.operator.get(f"{API}/contracts/{victim.number}").body | {"contractor": SCRIPT, "site": BREAKOUT},
    )
    path = f"{API}/numbers/{victim.number}/voicewarp"
    labelled = {"destinations": [{"number": "0312345678", "label": BREAKOUT[:40]}], "active": 1}
    listed = {"select": {"mode": "off", "callers": [{"number": "0399999999", "label": SCRIPT}]}}
    assert victim.operator.put(path, victim.operator.get(path).body | labelled | listed).status == 200
    notice = f"{API}/contracts/{victim.number}/fault-notice"
    named = {"contractor": SCRIPT, "site": TEMPLATE + BREAKOUT}
    # Meanwhile the notice hears of the contract's new name, too.
    assert eventually(lambda: victim.operator.put(notice, victim.operator.get(notice).body | named).status == 200)
    assert victim.says(victim.report("faulted", cause=SCRIPT + BREAKOUT + TEMPLATE)) == ["accepted"]
    victim.once_faulted()
    victim.at_home("line")
    browser = Browser(victim.site, f"2001:db8:{victim.number[2:6]}:{victim.number[6:]}::c")
    browser.log_in(victim.number, LASTING)

    pages = [
        browser.get(address(rule, victim) + f"?lang={language}&q={SCRIPT}")
        for rule in site_rules("GET")
        for language in ("ja", "en")
        if "<" not in rule or "number" in rule
    ]

    texts = "\n".join(page.text for page in pages if page.status == 200)
    assert texts.count("&lt;script&gt;alert(4711)") > 3, "it is shown"
    assert "<script>alert(4711)" not in texts
    assert "<img src=x" not in texts
    assert "99400891" not in texts, "a template was carried out"
    assert TEMPLATE[:9] in texts
