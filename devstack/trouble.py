"""What a person at the terminal can do something about: one sentence, never a traceback."""


class Trouble(Exception):
    """Its text is one whole sentence that says what is wrong and what to do; commands print it and exit with 1."""
