"""What each group of pages adds: a module with `STATES`, tuples of a name, how to get there, and whether logged in."""

from types import ModuleType

from tests.browser.walks import (
    bulk_forward,
    demo_phone,
    fault_notice,
    faxes,
    help,
    history,
    incoming_mail,
    operators,
    voicewarp,
)

GROUPS: tuple[ModuleType, ...] = (
    voicewarp,
    incoming_mail,
    bulk_forward,
    fault_notice,
    faxes,
    history,
    help,
    operators,
    demo_phone,
)
