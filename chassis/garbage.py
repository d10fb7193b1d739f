"""When Python looks for garbage, in processes that make their objects in batches and drop them whole."""

import gc


def collect_seldom() -> None:
    """Python's collector looks for cycles after 100,000 new objects instead of 700, and never again among those that
    are there now. Halves what a batch costs. Call it when all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
