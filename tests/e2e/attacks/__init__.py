"""Attacks, each of which must fail. `docs/attacks.md` is the whole list, with what holds each of them."""
