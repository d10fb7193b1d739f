"""What takes more than one command: reports of many items, and what was refused of them."""
