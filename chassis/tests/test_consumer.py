"""From Kafka to commits: each message has its effect once or is buried, and nothing stops the rest."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.structs import MemberState, OffsetAndMetadata

from chassis import kafka
from chassis.consumer import Consumer, Intake, Letter, Reaction
from chassis.errors import Conflict, NotFound, Unavailable
from chassis.gathering import THICK
from chassis.handling import Handler, Order
from chassis.memory_store import MemoryStore
from chassis.messages import Codec, Recorded, to_kafka
from chassis.replaying import replay
from chassis.store import Answer, Commit
from chassis.testing import FixedClock, Record, deliver, eventually, record_of, recorded
from chassis.tests.examples import CODEC, DECIDER, Closed, Door, Note, Noted, Opened
from conftest import Addresses


def note_what_happened(handler: Handler[Door]) -> Reaction:
    """Whoever opens a door elsewhere is written into the book of our door of the same number."""

    def orders(event: Recorded) -> Sequence[Order]:
        if event.event == Opened("nobody"):
            raise LookupError("nobody")
        number = event.stream.removeprefix("door-")
        return [Order(number, Note(event.event.by), event.id, event.correlation_id, event.id)]

    return Reaction(handler, orders)


@dataclass
class Service:
    """A service that hears of doors, with its store."""

    name: str = "keeper"
    store: MemoryStore = field(default_factory=lambda: MemoryStore(CODEC))

    def __post_init__(self) -> None:
        self.doors = Handler(self.store, DECIDER, "ours", clock=FixedClock())
        self.intake = Intake(self.name, CODEC, {"Opened": note_what_happened(self.doors)})

    def book(self, number: int = 1) -> tuple[str, ...]:
        return self.doors.read(str(number)).state.book

    def books(self) -> dict[str, int]:
        """How often each was written into any book."""
        texts = [event.event.text for event in self.store.scan()]
        return {text: texts.count(text) for text in texts}


def opened(by: str, number: int = 1, revision: int = 1) -> Recorded:
    return recorded(Opened(by), f"door-{number}", revision)


@pytest.fixture
def service() -> Service:
    return Service()


# The intake, on plain records


def test_a_message_has_its_effect(service: Service) -> None:
    assert deliver(service.intake, opened("ann")) == []

    [event] = service.doors.history("1", 0, 10)
    assert (event.event, event.causation_id, event.actor.id) == (Noted("ann"), "door-1@1.0", "keeper")


def test_a_message_three_times_has_its_effect_once(service: Service) -> None:
    deliver(service.intake, opened("ann"), opened("ann"))
    deliver(service.intake, opened("ann"))

    assert service.book() == ("ann",)


def test_messages_of_one_stream_take_effect_in_order(service: Service) -> None:
    deliver(service.intake, *(opened(f"{number}", revision=number) for number in range(1, 50)))

    assert service.book() == tuple(str(number) for number in range(1, 50))


def test_an_event_that_nobody_reacts_to_is_passed_over(service: Service) -> None:
    assert deliver(service.intake, recorded(Noted("cold"), "door-1")) == []
    assert service.store.start() == 0


def test_a_refused_reaction_is_no_letter(service: Service) -> None:
    assert deliver(service.intake, opened("")) == []


def broken(**parts: Any) -> Record:
    return replace(record_of(opened("ann"), CODEC), **parts)


def header(name: str, text: bytes | None) -> list[tuple[str, bytes]]:
    others = [kept for kept in broken().headers if kept[0] != name]
    return others if text is None else [*others, (name, text)]


@pytest.mark.parametrize(
    ("record", "cause"),
    [
        pytest.param(broken(value=None), "empty-message", id="no value"),
        pytest.param(broken(value=b"{"), "unreadable-message", id="bad json"),
        pytest.param(broken(value=b"\xff" * 10), "unreadable-message", id="not utf-8"),
        pytest.param(broken(value=b"{}"), "unreadable-event", id="field missing"),
        pytest.param(broken(headers=[]), "header-missing", id="no headers"),
        pytest.param(broken(headers=header("ce_id", None)), "header-missing", id="no id"),
        pytest.param(broken(headers=header("ce_type", b"Exploded")), "unknown-event-type", id="unknown type"),
        pytest.param(broken(value=json.dumps({"by": "nobody"}).encode()), "LookupError", id="broken reaction"),
        pytest.param(broken(value=json.dumps({"by": "break"}).encode()), "ZeroDivisionError", id="broken rule"),
    ],
)
def test_a_message_that_can_never_be_carried_out_is_a_letter_and_its_neighbours_go_on(
    service: Service, record: Record, cause: str
) -> None:
    before, after = (record_of(opened(name, number), CODEC) for name, number in (("bob", 2), ("cho", 3)))

    letters = service.intake.take([before, record, after])

    assert [letter.record for letter in letters] == [record]
    assert cause in letters[0].cause
    assert (service.book(2), service.book(1), service.book(3)) == (("bob",), (), ("cho",))


def test_one_broken_order_of_five_hundred_is_one_letter(service: Service) -> None:
    events = [opened("break" if number == 250 else "ann", number) for number in range(500)]

    letters = deliver(service.intake, *events)

    assert [letter.record.offset for letter in letters] == [250]
    assert service.books() == {"ann": 499}


@pytest.mark.parametrize("passing", [Unavailable("store-unavailable"), Conflict("lost-race")])
def test_a_reaction_that_cannot_look_now_is_asked_again_and_is_no_letter(service: Service, passing: Exception) -> None:
    answers = [passing]

    def orders(event: Recorded) -> Sequence[Order]:
        while answers:
            raise answers.pop()
        return [Order("1", Note("late"), event.id)]

    intake = Intake("keeper", CODEC, {"Opened": Reaction(service.doors, orders)})

    with pytest.raises(type(passing)):
        deliver(intake, opened("ann"))
    assert deliver(intake, opened("ann")) == []
    assert service.book() == ("late",)


def test_a_reaction_that_finds_nothing_is_a_letter(service: Service) -> None:
    def orders(event: Recorded) -> Sequence[Order]:
        raise NotFound("no-such-door")

    letters = deliver(Intake("keeper", CODEC, {"Opened": Reaction(service.doors, orders)}), opened("ann"))

    assert "no-such-door" in letters[0].cause


@pytest.mark.parametrize("topic", ["doors-events", "doors-events.dead-letter"])
def test_an_event_on_its_owners_topic_is_taken(service: Service, topic: str) -> None:
    assert intake_of_doors(service).take([replace(record_of(opened("ann"), CODEC, "doors"), topic=topic)]) == []
    assert service.book() == ("ann",)


@pytest.mark.parametrize("topic", ["windows-events", "windows-events.dead-letter", "doors-events.other"])
def test_an_event_that_another_than_its_owner_says_is_a_letter(service: Service, topic: str) -> None:
    forged = replace(record_of(opened("mallory"), CODEC, "doors"), topic=topic)

    (letter,) = intake_of_doors(service).take([forged])

    assert "not-its-owner" in letter.cause
    assert not service.books()


def intake_of_doors(service: Service) -> Intake:
    return replace(service.intake, codec=Codec([Opened, Closed], owners={"Opened": "doors"}))


def test_an_event_may_have_reactions_of_several_handlers(service: Service) -> None:
    theirs = Handler(service.store, DECIDER, "theirs", clock=FixedClock())
    reactions = [
        Reaction(handler, lambda event, name=name: [Order("1", Note(name), f"{event.id}:{name}")])  # type: ignore[misc]
        for name, handler in (("ours", service.doors), ("theirs", theirs))
    ]
    intake = Intake("keeper", CODEC, {"Opened": reactions})

    deliver(intake, opened("ann"))
    deliver(intake, opened("ann"))

    assert (service.book(), theirs.read("1").state.book) == (("ours",), ("theirs",))


# The consumer, with an intake that breaks as a whole


@dataclass
class Fragile:
    """Breaks whenever `poison` is among the records."""

    poison: Record
    taken: list[Record] = field(default_factory=list)
    service: str = "keeper"

    def take(self, records: Sequence[Record]) -> list[Letter]:
        if self.poison in records:
            raise ArithmeticError("a view's fold broke")
        self.taken += records
        return []


def test_a_batch_that_breaks_as_a_whole_loses_only_the_broken_message() -> None:
    records = [record_of(opened("ann", number), CODEC, offset=number) for number in range(5)]
    intake = Fragile(records[2])

    letters = Consumer([], [], intake)._take(records)  # type: ignore[arg-type]

    assert [letter.record.offset for letter in letters] == [2]
    assert [record.offset for record in intake.taken] == [0, 1, 3, 4]


# On the real Kafka


@dataclass
class Topic:
    """The topic of another service."""

    servers: Sequence[str]
    owner: str

    def __post_init__(self) -> None:
        kafka.make_topics(self.servers, [self.owner])
        self.name = kafka.topic_of(self.owner)

    def publish(self, *events: Recorded) -> None:
        self.send(*((self.name, *to_kafka(event, CODEC, self.owner)) for event in events))

    def send(self, *messages: kafka.Message) -> None:
        producer = kafka.make_producer(self.servers, "tests")
        try:
            kafka.send_all(producer, messages)
        finally:
            kafka.close_producer(producer)

    def letters(self) -> list[Any]:
        """What lies on the dead-letter topic."""
        with reader(self.servers, None) as consumer:
            partitions = [TopicPartition(kafka.dead_letter_topic(self.name), number) for number in range(4)]
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            ends = consumer.end_offsets(partitions)
            found: list[Any] = []
            while any(consumer.position(partition) < end for partition, end in ends.items()):
                found += [record for batch in consumer.poll(timeout_ms=200).values() for record in batch]
            return found

    def committed(self, group: str) -> int:
        """How many records the group has committed in all partitions."""
        with reader(self.servers, group) as consumer:
            found = [consumer.committed(TopicPartition(self.name, number)) for number in range(4)]
        return sum(offset or 0 for offset in found)


@contextmanager
def reader(servers: Sequence[str], group: str | None) -> Iterator[Any]:
    consumer = kafka.make_consumer(servers, "tests-reader", group, 500)
    try:
        yield consumer
    finally:
        consumer.close()


@contextmanager
def running(topic: Topic, intake: Any) -> Iterator[threading.Thread]:
    """A member of the group; `run` again whenever it breaks, as the worker does."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            try:
                Consumer(topic.servers, [topic.name], intake).run(lambda: not stop.is_set())
            except (Unavailable, Crash):
                continue

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


class Crash(BaseException):
    """The process dies here; nothing that lives on may catch it."""


@pytest.mark.integration
class TestOnRealKafka:
    @pytest.fixture
    def topic(self, engines: Addresses, owner: str) -> Topic:
        return Topic(engines.kafka_servers, owner)

    @pytest.fixture
    def service(self, owner: str) -> Service:
        return Service(f"{owner}-reader")

    def test_a_message_delivered_three_times_has_its_effect_once(self, topic: Topic, service: Service) -> None:
        events = [opened("ann", number) for number in range(50)]
        topic.publish(*events, *events, *events)

        with running(topic, service.intake):
            eventually(lambda: topic.committed(service.name) == 150)

        assert service.books() == {"ann": 50}

    def test_what_waits_for_its_answer_is_read_again_by_the_next(self, topic: Topic, service: Service) -> None:
        """Half of the answers are there: those doors are written down, the others wait and are not committed."""
        half, doors = range(THICK), range(2 * THICK)
        intake = replace(service.intake, answers={"Opened": frozenset({"Closed"})})
        topic.publish(*(opened("ann", number) for number in doors))
        topic.publish(*(recorded(Closed("ann"), f"door-{number}", 2) for number in half))

        with running(topic, intake):
            eventually(lambda: service.books() == {"ann": len(half)})
        committed = topic.committed(service.name)
        topic.publish(*(recorded(Closed("ann"), f"door-{number}", 2) for number in doors[THICK:]))
        with running(topic, intake):
            eventually(lambda: topic.committed(service.name) == 2 * len(doors))

        assert committed < len(doors)
        assert service.books() == {"ann": len(doors)}

    def test_a_dead_letter_says_why_and_where_from_and_the_rest_goes_on(self, topic: Topic, service: Service) -> None:
        place = recorded(Opened("ann"), "door-1")
        key, _, headers = to_kafka(place, CODEC, topic.owner)
        topic.send((topic.name, key, b"{", headers), (topic.name, key, None, headers))
        topic.publish(opened("bob", 1, 2))

        with running(topic, service.intake):
            eventually(lambda: topic.committed(service.name) == 3)

        bad, empty = sorted(topic.letters(), key=lambda letter: letter.value is None)
        said = {name: text.decode() for name, text in bad.headers}
        assert (bad.key, bad.value, empty.value) == (key, b"{", None)
        assert (said["dl_service"], said["ce_id"]) == (service.name, "door-1@1.0")
        assert said["dl_cause"].startswith("unreadable-message")
        assert said["dl_place"].startswith(f"{topic.name}/")
        assert service.book() == ("bob",)

    def test_a_replay_takes_each_letter_once_and_leaves_what_it_buries_again(
        self, topic: Topic, service: Service
    ) -> None:
        bad = [to_kafka(opened("ann", number), CODEC, topic.owner) for number in range(40)]
        topic.send(*((topic.name, key, b"{", headers) for key, _, headers in bad))
        with running(topic, service.intake):
            eventually(lambda: topic.committed(service.name) == len(bad))

        first = replay(topic.servers, [topic.name], service.intake)
        again = replay(topic.servers, [topic.name], service.intake)

        assert (first, again) == ((40, 40), (40, 40))
        assert len(topic.letters()) == 3 * len(bad)

    def test_a_crash_between_effect_and_offset_has_no_second_effect(self, topic: Topic, service: Service) -> None:
        topic.publish(*(opened("ann", number) for number in range(20)))
        dying = Around(service.intake, after=crash_once())

        with running(topic, dying):
            eventually(lambda: topic.committed(service.name) == 20)

        assert dying.batches > 1
        assert service.books() == {"ann": 20}

    def test_a_store_that_is_away_is_waited_for_without_leaving_the_group(self, topic: Topic, service: Service) -> None:
        away = Away(CODEC)
        waiting = Service(service.name, away)
        topic.publish(opened("ann"))

        with running(topic, waiting.intake):
            eventually(lambda: away.refused >= 3)
            members = members_of(topic, service.name)
            away.here.set()
            eventually(lambda: topic.committed(service.name) == 1)
            assert members_of(topic, service.name) == members

        assert waiting.books() == {"ann": 1}

    def test_messages_that_arrive_while_it_waits_are_not_passed_over(self, topic: Topic, service: Service) -> None:
        away = Away(CODEC)
        waiting = Service(service.name, away)
        topic.publish(opened("ann", 1))

        with running(topic, waiting.intake):
            eventually(lambda: away.refused >= 1)
            topic.publish(*(opened("bob", number) for number in range(2, 30)))
            # A second member takes half of the partitions, and gives them back while the first still waits.
            with running(topic, Service(service.name, Away(CODEC)).intake):
                eventually(lambda: shares(topic, service.name) == [2, 2])
            eventually(lambda: shares(topic, service.name) == [4])
            refused = away.refused
            eventually(lambda: away.refused > refused)
            away.here.set()
            eventually(lambda: topic.committed(service.name) == 29)

        assert waiting.books() == {"ann": 1, "bob": 28}

    def test_offsets_of_another_cluster_are_not_believed(self, topic: Topic, service: Service) -> None:
        topic.publish(*(opened("ann", number) for number in range(20)))
        commit_all(topic, service.name, "cluster-that-is-gone")

        with running(topic, service.intake):
            eventually(lambda: len(service.books()) == 1 and service.books()["ann"] == 20)

    @pytest.mark.parametrize("own", [True, False])
    def test_offsets_of_this_cluster_or_of_a_tool_are_believed(self, topic: Topic, service: Service, own: bool) -> None:
        topic.publish(*(opened("ann", number) for number in range(20)))
        with reader(topic.servers, None) as consumer:
            commit_all(topic, service.name, kafka.cluster_id(consumer) if own else "")
        topic.publish(opened("bob", 99))

        with running(topic, service.intake):
            eventually(lambda: topic.committed(service.name) == 21)

        assert service.books() == {"bob": 1}

    def test_members_that_come_and_go_lose_nothing(self, topic: Topic, service: Service) -> None:
        with running(topic, service.intake):
            topic.publish(*(opened("ann", number) for number in range(100)))
            with running(topic, service.intake):
                eventually(lambda: shares(topic, service.name) == [2, 2])
                topic.publish(*(opened("bob", number, 2) for number in range(100)))
            topic.publish(*(opened("cho", number, 3) for number in range(100)))
            eventually(lambda: topic.committed(service.name) == 300)

        assert service.books() == {"ann": 100, "bob": 100, "cho": 100}

    def test_a_topic_that_is_made_later_is_read(self, engines: Addresses, owner: str) -> None:
        service = Service(f"{owner}-reader")
        kafka.make_topics(engines.kafka_servers, [f"{owner}-other"])
        early = Topic.__new__(Topic)
        early.servers, early.owner, early.name = engines.kafka_servers, owner, kafka.topic_of(owner)

        with running(early, service.intake):
            eventually(lambda: shares(early, service.name) == [0])
            topic = Topic(engines.kafka_servers, owner)
            topic.publish(opened("ann"))
            eventually(lambda: service.books() == {"ann": 1})

    def test_a_member_that_rejoins_for_longer_than_a_poll_gets_its_share(self, engines: Addresses, owner: str) -> None:
        with reader(engines.kafka_servers, f"{owner}-reader") as consumer:
            consumer.subscribe([kafka.topic_of(owner)])
            eventually(lambda: polled(consumer).state == MemberState.STABLE, every=0)

            kafka.make_topics(engines.kafka_servers, [owner])

            eventually(lambda: polled(consumer) and len(consumer.assignment()) == 4, every=0)


def polled(consumer: Any) -> Any:
    """How it stands in its group after a poll that is shorter than any rejoin."""
    kafka.poll(consumer, 5)
    return consumer.group_metadata()


@dataclass
class Around:
    """An intake with something before and after its work."""

    intake: Intake
    after: Callable[[], None]
    batches: int = 0

    @property
    def service(self) -> str:
        return self.intake.service

    @property
    def answers(self) -> Mapping[str, frozenset[str]]:
        return self.intake.answers

    def take(self, records: Sequence[Any]) -> list[Letter]:
        self.batches += 1
        letters = self.intake.take(records)
        self.after()
        return letters


def crash_once() -> Callable[[], None]:
    crashes = [Crash()]

    def crash() -> None:
        while crashes:
            raise crashes.pop()

    return crash


@dataclass
class Away(MemoryStore):
    """A store that cannot be reached until `here` is set."""

    here: threading.Event = field(default_factory=threading.Event)
    refused: int = 0

    def append_many(self, commits: Sequence[Commit]) -> list[Answer]:
        if not self.here.is_set():
            self.refused += 1
            raise Unavailable("store-unavailable")
        return super().append_many(commits)


def described(topic: Topic, group: str) -> list[dict[str, Any]]:
    with closing(KafkaAdminClient(bootstrap_servers=list(topic.servers))) as admin:
        return list(admin.describe_groups([group])[group]["members"])


def members_of(topic: Topic, group: str) -> list[str]:
    return sorted(member["member_id"] for member in described(topic, group))


def shares(topic: Topic, group: str) -> list[int]:
    """How many partitions each member has."""
    assignments = [member["member_assignment"] for member in described(topic, group)]
    return [
        sum(len(part["partitions"]) for part in (given or {}).get("assigned_partitions", ())) for given in assignments
    ]


def commit_all(topic: Topic, group: str, cluster: str) -> None:
    """As if the group had read everything, in `cluster`."""
    with reader(topic.servers, group) as consumer:
        partitions = [TopicPartition(topic.name, number) for number in range(4)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        consumer.commit({partition: OffsetAndMetadata(end, cluster, -1) for partition, end in ends.items()})
