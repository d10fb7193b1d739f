"""What the services say to each other: public events by owner, and the number rules that all of them share.

An event is published exactly when its class stands in a module here. The owner of a module is the only one who says
its events; `EVENTS` is where everybody else finds them.
"""

from collections.abc import Mapping

from contracts import auth, bulkforward, faxstore, ivr, linewatch, notify, voicewarp

EVENTS: Mapping[str, tuple[type, ...]] = {
    "auth": auth.EVENTS,
    "ivr": ivr.EVENTS,
    "linewatch": linewatch.EVENTS,
    "bulkforward": bulkforward.EVENTS,
    "voicewarp": voicewarp.EVENTS,
    "notify": notify.EVENTS,
    "faxstore": faxstore.EVENTS,
}


# Who alone says an event of this type.
OWNERS: Mapping[str, str] = {event.__name__: owner for owner, events in EVENTS.items() for event in events}


def events_of(*owners: str) -> tuple[type, ...]:
    """The public events of these owners: what a reader of their topics must be able to read."""
    return tuple(event for owner in owners for event in EVENTS[owner])


def names_of(*owners: str) -> frozenset[str]:
    """The type names of the owners' public events."""
    return frozenset(event.__name__ for event in events_of(*owners))
