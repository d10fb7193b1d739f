"""The state of every access line, from what monitoring systems report.

Owns lines: open alarms, faulted or not. Hears contracts from auth, to know whose line a circuit or a number is.
Says when a line faults, gets worse, flaps and recovers, once each.
"""
