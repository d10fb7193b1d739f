"""Each container is started again while a fault is under way, and everything happens once."""

import pytest

from chaos.harm import LONG, insist
from devstack import compose
from devstack.compose import Compose
from tests.e2e.customer import Customer


@pytest.mark.parametrize("part", compose.parts())
def test_the_road_is_whole_after_a_restart(project: Compose, customer: Customer, part: str) -> None:
    fault, recovery = customer.report("faulted"), customer.report("recovered", 5)
    insist(lambda: customer.post(fault))

    project.restart(part)
    project.wait()

    customer.once_faulted(LONG)
    insist(lambda: customer.post(recovery))
    customer.once_recovered(LONG)
