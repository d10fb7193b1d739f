"""Faults of the list in `chaos/` that no other story has, and all invariants after each. `./tsunagu chaos --all` runs
every one of them."""

import pytest

from chaos import catalogue, running
from chaos.catalogue import Fault
from chaos.ground import Ground
from devstack.stack import Stack
from tests.e2e.sites import Site

FEW = 40


@pytest.mark.parametrize("fault", running.chosen(catalogue.SHORT), ids=lambda fault: f"{fault.number}")
def test_every_promise_is_kept(site: Site, engines_too: Stack, fault: Fault) -> None:
    outcome = running.suffer(fault, Ground(engines_too, site.keys), lines=FEW)

    assert outcome.state == "ok", outcome.why
