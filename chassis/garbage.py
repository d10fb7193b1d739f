"""When Python looks for garbage, in processes that make their objects in batches and drop them whole."""

import gc


def collect_seldom() -> None:
    """Python's collector looks for cycles after a million new objects instead of 700, and never again among those that
    are there now. A large batch has some hundred thousand objects and no cycle, so nothing is looked for while it is
    carried out: that halved what it cost. Call it when all is loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000_000, 10, 10)
