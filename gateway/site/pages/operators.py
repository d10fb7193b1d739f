"""Operators: contracts, lines at fault, mails, API keys, dead letters, sources."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("operators", __name__)
