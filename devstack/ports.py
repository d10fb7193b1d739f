"""Ports of a stack: chosen once, remembered over restarts, chosen again only when another program took one."""

import json
import random
import socket
from collections.abc import Iterable
from pathlib import Path

from devstack.trouble import Trouble

# Below the range from which Linux takes ports of outgoing connections: a port whose process is just being
# restarted cannot be taken by one of those.
FIRST, LAST = 18_000, 31_999
TRIES = 2_000


def is_free(port: int) -> bool:
    """Whether a process could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(taken: Iterable[int] = ()) -> int:
    """A port that nobody listens on, none of `taken`. Another program may still be quicker to take it."""
    avoid = set(taken)
    for _ in range(TRIES):
        port = random.randint(FIRST, LAST)
        if port not in avoid and is_free(port):
            return port
    raise Trouble(f"No free port between {FIRST} and {LAST} was found on 127.0.0.1.")


def allot(names: Iterable[str], memory: Path) -> dict[str, int]:
    """A port for each name: the one of last time where it is still free. Writes `memory`."""
    remembered = _read(memory)
    ports: dict[str, int] = {}
    for name in names:
        port = remembered.get(name, 0)
        usable = port and port not in ports.values() and is_free(port)
        ports[name] = port if usable else free_port([*ports.values(), *remembered.values()])
    memory.write_text(json.dumps(remembered | ports, indent=1), encoding="utf-8")
    return ports


def _read(memory: Path) -> dict[str, int]:
    try:
        content = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {name: port for name, port in content.items() if isinstance(port, int)} if isinstance(content, dict) else {}
