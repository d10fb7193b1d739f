import pytest

from chassis.memory_store import MemoryStore
from chassis.store import EventStore
from chassis.tests.examples import CODEC
from chassis.tests.store_suite import StoreSuite


class TestMemoryStore(StoreSuite):
    @pytest.fixture
    def store(self) -> EventStore:
        return MemoryStore(CODEC, idle_seconds=0.001)
