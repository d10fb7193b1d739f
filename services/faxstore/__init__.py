"""Received faxes and the settings of FAX mail.

Owns documents and the records of faxes. Hears contracts from auth, to know whose number a fax came to. Says when a fax
was received and deleted, and when the settings of FAX mail change.
"""
