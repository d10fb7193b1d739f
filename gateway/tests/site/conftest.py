"""A visitor of the site, before and after the login."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from gateway.tests.site.visitor import Visitor


@pytest.fixture
def visitor() -> Iterator[Visitor]:
    with ExitStack() as stack:
        yield Visitor(stack)


@pytest.fixture
def customer(visitor: Visitor) -> Visitor:
    """A visitor who has logged in."""
    visitor.log_in()
    return visitor
