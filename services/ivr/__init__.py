"""The telephone on which customers set a temporary password, without auth being up.

Owns calls: one dialogue each, from the connection to its end. Hears contracts from auth, to know whose number calls.
Says which number got a temporary password, as a verifier and never as the password.
"""
