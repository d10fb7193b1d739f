import pytest

from chassis.testing import NOON, given
from services.linewatch.model import area, incident
from services.linewatch.model.area import MOST_NAMES, AreaChanged, AreaRemoved, PutArea, RemoveArea
from services.linewatch.model.incident import IncidentPlaced, Place

CHANGED = AreaChanged("kansai", ("0600001111", "circuit:C-7"))
WHERE = {"line": "0600001111"}


def test_an_area_gets_its_lines_once_each() -> None:
    given(area.DECIDER).when(PutArea("kansai", (*CHANGED.names, "0600001111"))).then(CHANGED)


def test_the_same_lines_again_change_nothing() -> None:
    given(area.DECIDER, CHANGED).when(PutArea("kansai", CHANGED.names)).then()


def test_an_area_may_be_empty() -> None:
    given(area.DECIDER).when(PutArea("kansai", ())).then(AreaChanged("kansai", ()))


def test_a_removed_area_is_gone() -> None:
    given(area.DECIDER, CHANGED).when(RemoveArea("kansai", NOON)).then(AreaRemoved("kansai", NOON))
    given(area.DECIDER, CHANGED, AreaRemoved("kansai", NOON)).when(RemoveArea("kansai", NOON)).rejects("not-found")


def test_an_area_has_a_limit() -> None:
    names = tuple(str(place) for place in range(MOST_NAMES + 1))

    given(area.DECIDER).when(PutArea("kansai", names)).rejects("too-many-lines")


@pytest.mark.parametrize("name", ["", "x" * 129, "a\nb"])
def test_an_area_has_a_name_that_can_be_shown(name: str) -> None:
    given(area.DECIDER).when(PutArea(name, ())).rejects("wrong-format")


def test_an_incident_is_where_its_last_trigger_says() -> None:
    given(incident.DECIDER).when(Place(WHERE)).then(IncidentPlaced(WHERE))
    given(incident.DECIDER, IncidentPlaced(WHERE)).when(Place({"area": "kansai"})).then(
        IncidentPlaced({"area": "kansai"})
    )


def test_an_incident_that_is_triggered_again_is_where_it_was() -> None:
    given(incident.DECIDER, IncidentPlaced(WHERE)).when(Place(WHERE)).then()
