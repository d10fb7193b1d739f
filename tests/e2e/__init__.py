"""The whole system through its gateway, on real engines."""
