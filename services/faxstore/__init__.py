"""Received faxes: taken once, kept safe, shown to the number's own customer, deleted for good.

Owns the faxes and the FAX mail of each number. Hears contracts from auth. Says that a fax came and whom to tell of it,
that one is gone, and how the FAX mail of a number is set.
"""
