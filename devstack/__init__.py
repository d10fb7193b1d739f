"""The embedded engines, the supervisor of all processes, the mail sink and the `./tsunagu` commands.

Needs only what a clone brings; no service imports it. Tests use `devstack.engines.Engines` and `devstack.stack.Stack`.
"""
