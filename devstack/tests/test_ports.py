"""Ports are kept, and given up only to another program."""

import socket
from pathlib import Path

from devstack import ports


def test_the_same_names_get_the_same_ports_again(tmp_path: Path) -> None:
    first = ports.allot(["mongod", "kafka"], tmp_path / "ports.json")

    again = ports.allot(["mongod", "kafka"], tmp_path / "ports.json")

    assert again == first


def test_a_port_that_another_program_took_is_replaced(tmp_path: Path) -> None:
    first = ports.allot(["mongod", "kafka"], tmp_path / "ports.json")

    with socket.create_server(("127.0.0.1", first["mongod"])):
        again = ports.allot(["mongod", "kafka"], tmp_path / "ports.json")

    assert again["mongod"] != first["mongod"]
    assert again["kafka"] == first["kafka"]


def test_no_two_names_share_a_port(tmp_path: Path) -> None:
    names = [f"process-{number}" for number in range(50)]

    allotted = ports.allot(names, tmp_path / "ports.json")

    assert len(set(allotted.values())) == len(names)


def test_ports_lie_outside_the_range_of_outgoing_connections() -> None:
    assert ports.LAST < 32_768


def test_an_unreadable_memory_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text("[not json")

    allotted = ports.allot(["mongod"], tmp_path / "ports.json")

    assert ports.is_free(allotted["mongod"])
