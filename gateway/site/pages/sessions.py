"""Where the number is logged in, and ending that."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("sessions", __name__)
