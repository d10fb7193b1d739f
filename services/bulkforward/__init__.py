"""Bulk forwarding: every listed number of a contract is forwarded to its own destination.

Owns plans: entries, running or not and why, and the two automations. Hears contracts from auth, faults and recoveries
from linewatch, and from voicewarp where VoiceWarp forwards. Says what is forwarded from when to when, and what became
of every fault and recovery.
"""
