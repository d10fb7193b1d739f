"""Incoming-call mail of a number: where to, about which calls, about which callers."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("incoming_mail", __name__)
