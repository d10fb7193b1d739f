"""The shared library of all services: event store, handling, views, bus, HTTP edge, worker runtime. No domain."""
