"""VoiceWarp: forwarding of single numbers, and the answer to where a call goes.

Owns the setting of each number, and calls: what the switch asked, what it was told, what became of it. Hears contracts
from auth and bulk forwarding from bulkforward. Says how numbers are forwarded, and of each call that it came and ended.
"""
