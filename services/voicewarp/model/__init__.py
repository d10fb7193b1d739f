"""The rules of voicewarp: the setting of a number, the way of a call, and what became of it."""
