"""Faults against the invariants: each is done to a real stack under load, then every promise is looked at in the real
databases, topics and mails. `./tsunagu chaos` runs them."""
