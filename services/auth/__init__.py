"""The door of Tsunagu: contracts and API keys, and the signed tokens by which services know who calls.

Owns contracts (which numbers and options there are, and whose) and the key ring. Says every change of a contract;
hears nothing yet. Passwords, sessions and the telephone come with the login.
"""
