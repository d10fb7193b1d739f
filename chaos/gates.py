"""Ways between processes that are slow, that break, that stand still with their connections open."""

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from chaos.ground import Ground
from chaos.harm import changed, restarted
from devstack import kafka_engine, services
from devstack.ports import free_port
from devstack.services import GATEWAY

CHUNK = 65_536


@dataclass
class Weather:
    """How all gates are just now. `resets` is the share of pieces that reset their connection instead."""

    delay: float = 0.0
    resets: float = 0.0
    still: threading.Event = field(default_factory=threading.Event)
    pieces: int = 0
    broken: int = 0


class Gate:
    """`port` leads to the target through the weather. Threads of its own, two for a connection."""

    def __init__(self, target: int, weather: Weather) -> None:
        self._target, self._weather = target, weather
        self.port = free_port()
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=100)
        threading.Thread(target=self._admit, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _admit(self) -> None:
        while True:
            try:
                inside = self._listener.accept()[0]
            except OSError:
                return
            try:
                outside = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                _reset(inside)
                continue
            outside.settimeout(None)
            for one in (inside, outside):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for ends in ((inside, outside), (outside, inside)):
                threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        weather = self._weather
        try:
            while data := source.recv(CHUNK):
                weather.pieces += 1
                if weather.delay:
                    time.sleep(weather.delay)
                while weather.still.is_set():
                    time.sleep(0.1)
                if random.random() < weather.resets:
                    weather.broken += 1
                    break
                target.sendall(data)
            else:
                with suppress(OSError):
                    target.shutdown(socket.SHUT_WR)
                return
        except OSError:
            pass  # Cut from either side.
        _reset(source)
        _reset(target)


def _reset(way: socket.socket) -> None:
    """Closes so that the other side sees a reset."""
    with suppress(OSError):
        way.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        way.shutdown(socket.SHUT_RDWR)
    way.close()


@contextmanager
def between_all(ground: Ground) -> Iterator[Weather]:
    """All ways between the gateway and the services, and from these to both engines, lead through gates."""
    weather, ports = Weather(), ground.stack.addresses.ports
    with ExitStack() as open_now:

        def gate(target: int) -> int:
            made = Gate(target, weather)
            open_now.callback(made.close)
            return made.port

        urls = {f"{one.upper()}_URL": f"http://127.0.0.1:{gate(ports[services.web(one)])}" for one in services.SERVICES}
        mongo = f"mongodb://127.0.0.1:{gate(ports['mongod'])}/?directConnection=true"
        open_now.enter_context(_kafka_says(ground, gate(ports["kafka"])))
        names = [name for name in ground.processes() if name != GATEWAY]
        open_now.enter_context(changed(ground.stack, *names, MONGO_URL=mongo))
        open_now.enter_context(changed(ground.stack, GATEWAY, **urls))
        yield weather
        weather.delay, weather.resets = 0.0, 0.0
        weather.still.clear()


@contextmanager
def _kafka_says(ground: Ground, port: int) -> Iterator[None]:
    """Kafka tells its clients to come to this port."""
    properties = ground.stack.places.root / kafka_engine.PROPERTIES
    before = properties.read_text(encoding="ascii")
    own = f"advertised.listeners=PLAINTEXT://127.0.0.1:{ground.stack.addresses.ports['kafka']}"
    properties.write_text(before.replace(own, f"advertised.listeners=PLAINTEXT://127.0.0.1:{port}"), encoding="ascii")
    try:
        _again(ground)
        yield
    finally:
        properties.write_text(before, encoding="ascii")
        _again(ground)


def _again(ground: Ground) -> None:
    restarted(ground.stack, "kafka")
    kafka_engine.wait_until_it_answers(ground.stack.kafka_servers, 60.0)
