"""VoiceWarp of a number: how calls are forwarded, where to, and for which callers."""

from flask import Blueprint

from gateway.site.desk import Site


def blueprint(site: Site) -> Blueprint:
    return Blueprint("voicewarp", __name__)
