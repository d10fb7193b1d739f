"""Bodies as monitoring systems write them, each mapped to items of our own JSON (`own.py` has what they share)."""
