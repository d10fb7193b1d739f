"""Connects the gateway's parts."""

import flask
from flask import Flask

from chassis import edge
from chassis.errors import Unavailable
from chassis.settings import read
from chassis.telemetry import configure_logging
from gateway import proxy, security
from gateway.api import add_routes
from gateway.identity import Identity, exchange_at
from gateway.routes import MAX_BODY
from gateway.settings import Settings
from gateway.site.demo import Demo
from gateway.upstream import Call, Upstream

NAME = "gateway"


def build(settings: Settings) -> Flask:
    """The gateway. It contacts nobody before the first request."""
    proxies = settings.proxies
    services = {name: Upstream(name, url, settings.service_seconds) for name, url in settings.services.items()}

    def headers() -> dict[str, str]:
        return proxy.headers_of(flask.request, proxies)

    app = edge.bare_app(NAME, ready={"auth": lambda: _check(services["auth"])}, max_body=MAX_BODY, public_port=True)
    # A path with "//" is no path of ours; werkzeug would redirect it.
    app.url_map.merge_slashes = False
    security.install(app)
    identity = Identity(exchange_at(services["auth"], lambda: proxy.own_headers(headers())))
    https = settings.site_url.startswith("https://")
    # The demo's telephone is for one's own machine, and a site that others reach has https.
    demo = Demo("" if https else settings.demo_file)
    add_routes(app, services, identity, headers, https=https, demo=demo)
    return app


def _check(auth: Upstream) -> None:
    """Ready means that callers can be known; without any other service the rest goes on."""
    answer = auth.send(Call("GET", "/health/live", seconds=2))
    answer.close()
    if answer.status != 200:
        raise Unavailable("not-ready")


def create_app() -> Flask:
    """For gunicorn."""
    settings = read(Settings)
    configure_logging(NAME, settings.log_level)
    return build(settings)
