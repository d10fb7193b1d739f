"""What takes more than one command of one stream, or an outside world beside it."""
