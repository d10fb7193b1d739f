"""Help: setting the temporary password by telephone, how the site is used, accessibility."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("help", __name__)
