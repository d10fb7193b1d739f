"""Measurements: each takes its yardstick in the same run and checks that the result it timed is right."""
