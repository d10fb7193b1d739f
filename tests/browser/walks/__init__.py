"""What each group of pages adds: a module with `STATES`, tuples of a name, how to get there, and whether logged in."""

from types import ModuleType

from tests.browser.walks import faxes, help, incoming_mail

GROUPS: tuple[ModuleType, ...] = (incoming_mail, faxes, help)
