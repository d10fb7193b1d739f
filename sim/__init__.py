"""The services' own code over engines in memory, a clock of its own and one seed: any fault at any moment, and the same
seed is the same history each time. It finds what no storm on real engines does: an order that one run in thousands has.
"""
