"""What a service has stored it can read for ever."""

from pathlib import Path

from tests.house import private_events
from tests.house.repository import REPOSITORY, told


def test_stored_private_events_stay_readable() -> None:
    found = private_events.broken(private_events.kept(), private_events.shapes(REPOSITORY))

    assert not found, told("Stored events have this shape: give a new field a default, or say a new event:", found)


def test_every_shape_is_kept() -> None:
    kept, now = private_events.kept(), private_events.shapes(REPOSITORY)

    found = [name for name, shape in now.items() if kept.get(name) != shape]

    assert not found, told("Run `python -m tests.house.private_events` and commit what it writes:", found)


def test_a_shape_is_never_narrowed(tmp_path: Path) -> None:
    private_events.write(REPOSITORY, tmp_path)
    name = sorted(path.name for path in tmp_path.glob("*.json"))[0]
    (tmp_path / name).write_text(
        '{"type": "object", "properties": {"other": {"type": "string"}}, "required": ["other"]}'
    )

    said = private_events.write(REPOSITORY, tmp_path)

    assert any(line.startswith(f"{name}.other") for line in said)
    assert "other" in (tmp_path / name).read_text()
