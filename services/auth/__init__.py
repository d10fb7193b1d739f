"""The door of Tsunagu: contracts, passwords, sessions, keys, and the signed tokens by which services know callers.

Owns contracts (which numbers and options there are, and whose), credentials and the key ring. Hears of passwords that
were set by telephone. Says every change of a contract, and what becomes of passwords and logins.
"""
