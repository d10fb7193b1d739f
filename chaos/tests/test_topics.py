"""A topic is read to an end, also while it grows."""

import threading

import pytest

from chaos import topics
from chassis import kafka
from conftest import Addresses


@pytest.mark.integration
def test_a_topic_that_never_falls_silent_is_read_to_where_it_ended(engines: Addresses, owner: str) -> None:
    topic, stop, sent = kafka.topic_of(owner), threading.Event(), threading.Event()
    kafka.make_topics(engines.kafka_servers, [owner])

    def talk() -> None:
        while not stop.is_set():
            topics.send(engines.kafka_servers, [(topic, b"key", b"{}", [])])
            sent.set()

    talking = threading.Thread(target=talk)
    talking.start()
    try:
        assert sent.wait(30)
        found = topics.read(engines.kafka_servers, topic)
    finally:
        stop.set()
        talking.join()

    later = topics.read(engines.kafka_servers, topic)
    assert 0 < len(found) < len(later)
    assert topics.new(later, found) == later[len(found) :]
