"""FAX mail of a number and the documents that have come."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("faxes", __name__)
