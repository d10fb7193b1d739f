"""Fault notice of the contract: contractor, site, addresses, test mail, and what happens by itself."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("fault_notice", __name__)
