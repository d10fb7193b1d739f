"""Documents as fax machines and their receivers write them: what they are, and what can be shown of them.

Of a document nothing is believed but its content, and nothing of it is decoded in the process of the service: see
`process.py`.
"""

from services.faxstore.formats.darkroom import Darkroom, Examined, Kind, Limits
from services.faxstore.formats.process import ProcessDarkroom

__all__ = ["Darkroom", "Examined", "Kind", "Limits", "ProcessDarkroom"]
