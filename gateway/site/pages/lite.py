"""State, start and stop of everything on one small page, for a slow line."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("lite", __name__)
