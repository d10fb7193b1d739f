"""The telephone of the demo, on which a visitor sets the temporary password."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("demo_phone", __name__)
