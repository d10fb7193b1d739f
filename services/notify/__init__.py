"""Fault notices and the sending of all mail.

Owns notice settings, and every mail from its queueing to its end. Hears contracts from auth, faults and recoveries
from linewatch, and from bulkforward what it did about them. Says what was queued, sent and given up.
"""
