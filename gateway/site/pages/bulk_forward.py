"""Bulk forwarding of the contract: destinations one by one and by file, start and stop."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("bulk_forward", __name__)
