"""Fault notices, incoming-call mails, and the sending of all mail.

Owns the settings of both, and every mail from its queueing to its end. Hears contracts from auth, faults and recoveries
from linewatch, from bulkforward what it did about them, and from voicewarp how calls ended. Says what was queued, sent
and given up.
"""
