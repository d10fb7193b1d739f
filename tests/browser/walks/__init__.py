"""What each group of pages adds: a module with `STATES`, tuples of a name, how to get there, and whether logged in."""

from types import ModuleType

GROUPS: tuple[ModuleType, ...] = ()
