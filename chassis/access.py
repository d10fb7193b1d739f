"""Who may call a route. Every route says it with exactly one decorator, and the app does not start otherwise.

The decorators only write the policy on the view (`view.access`); the app checks it before anything of the body is
read. So their place among other decorators does not matter, and tests can list every route with its policy.
"""

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import flask

from chassis.auth import Principal, Tokens
from chassis.errors import Forbidden, NotFound
from chassis.messages import Actor, ActorKind, Origin

View = TypeVar("View", bound=Callable[..., Any])
EVEN_RESTRICTED = "customer-even-restricted"


def public(view: View) -> View:
    """Anyone may call, without a token. For health, metrics, public keys and the like."""
    return _marked(view, "public")


def require(*scopes: str) -> Callable[[View], View]:
    """Whoever has one of `scopes`; others get 403 `forbidden`. Operators have the scope `operator`."""
    return lambda view: _marked(view, _scopes(scopes))


def customer(view: View) -> View:
    """A customer who is logged in, whatever the scope of the login; others get 403 `forbidden`."""
    return _marked(view, "customer")


def customer_even_restricted(view: View) -> View:
    """As `customer`, and the only policy that lets in whose password has to be changed first.

    Everywhere else such a login gets 403 `password-change-required`.
    """
    return _marked(view, EVEN_RESTRICTED)


def owns_contract(view: View) -> View:
    """The customer whose contract is the path's <contract_number>, with all its numbers, or an operator.

    Anyone else gets 404 `not-found`, so that nobody learns which contracts exist.
    """
    return _marked(view, "owns-contract")


def owns_contract_or(*scopes: str) -> Callable[[View], View]:
    """As `owns_contract`, and also whoever has one of `scopes`."""
    return lambda view: _marked(view, f"owns-contract|{_scopes(scopes)}")


def owns_number(view: View) -> View:
    """The customer to whose numbers the path's <number> belongs, or an operator. Anyone else gets 404 `not-found`."""
    return _marked(view, "owns-number")


def _scopes(scopes: tuple[str, ...]) -> str:
    return "scopes:" + ",".join(scopes)


def _marked(view: View, access: str) -> View:
    view.access = access  # type: ignore[attr-defined]
    # flask-smorest reads its documentation of a view from this attribute.
    documented: dict[str, Any] = getattr(view, "_apidoc", {})
    manual = {
        **documented.get("manual_doc", {}),
        "x-access": access,
        **({"security": []} if access == "public" else {}),
    }
    view._apidoc = {**documented, "manual_doc": manual}  # type: ignore[attr-defined]
    return view


def install(app: flask.Flask, tokens: Tokens) -> None:
    """Checks the policy of the view before every request of `app`. Call it when all routes are there.

    Raises ValueError naming every route without a policy.
    """
    open_routes = [str(rule) for rule in app.url_map.iter_rules() if not _policy(app, rule.endpoint)]
    if open_routes:
        raise ValueError(f"These routes do not say who may call them: {', '.join(sorted(open_routes))}")

    def check() -> None:
        request = flask.request
        access = _policy(app, request.endpoint)
        if access and access != "public":
            flask.g.principal = tokens.verify(request.headers.get("Authorization"))
            _admit(access, flask.g.principal, request.view_args or {})

    app.before_request(check)


def _policy(app: flask.Flask, endpoint: str | None) -> str:
    access: str = getattr(app.view_functions.get(endpoint or ""), "access", "")
    return access


def _admit(access: str, caller: Principal, path: Mapping[str, Any]) -> None:
    """Raises unless one of the policy's alternatives admits the caller."""
    if caller.restricted and access != EVEN_RESTRICTED:
        raise Forbidden("password-change-required")
    alternatives = access.split("|")
    if any(_admits(alternative, caller, path) for alternative in alternatives):
        return
    if alternatives[0].startswith("owns-"):
        raise NotFound("not-found")
    raise Forbidden("forbidden")


def _admits(policy: str, caller: Principal, path: Mapping[str, Any]) -> bool:
    match policy.partition(":"):
        case ("scopes", _, scopes):
            return not caller.scopes.isdisjoint(scopes.split(","))
        case ("customer" | "customer-even-restricted", _, _):
            return caller.kind == "customer"
        case ("owns-contract", _, _):
            return caller.kind == "operator" or _owns_contract(caller, path["contract_number"])
        case ("owns-number", _, _):
            return caller.kind == "operator" or (caller.kind == "customer" and path["number"] in caller.numbers)
    return False


def _owns_contract(caller: Principal, contract_number: str) -> bool:
    return caller.kind == "customer" and caller.all_numbers and caller.contract_number == contract_number


def principal() -> Principal:
    """The caller of the present request. Only on routes that are not public."""
    caller: Principal = flask.g.principal
    return caller


def origin() -> Origin:
    """Who acts, from where, and the correlation id of the present request: what is recorded with a commit."""
    caller: Principal | None = flask.g.get("principal")
    kind, name = (_actor_kind(caller), caller.id) if caller else ("automatic", "anonymous")
    return Origin(Actor(kind, name, source_address()), flask.g.correlation_id)


def _actor_kind(caller: Principal) -> ActorKind:
    if caller.kind == "machine":
        return "telephone" if "ivr" in caller.scopes else "automatic"
    return caller.kind


def source_address() -> str:
    """The caller's network address as the gateway saw it, or the peer's without a gateway."""
    said = flask.request.headers.get("X-Forwarded-For", "").strip()
    try:
        return str(ipaddress.ip_address(said))
    except ValueError:
        return flask.request.remote_addr or ""
