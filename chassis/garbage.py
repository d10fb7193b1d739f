"""When Python looks for garbage, in processes that make their objects in batches and drop them whole."""

import gc

# What a process holds in vain is at most about 5 MB: so many objects, of 100 bytes or so.
NEW_OBJECTS = 50_000


def collect_seldom() -> None:
    """Python's collector looks for cycles after 50,000 new objects instead of 700, and never again among those that are
    there now. A large batch has some hundred thousand objects and no cycle: looking through each of them once costs a
    tenth of making it, and at 700 it costs two thirds. The clients of Kafka and MongoDB leave cycles behind even in an
    idle process, 150 objects a second, so it must not be never. Call it when all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, 10, 10)
