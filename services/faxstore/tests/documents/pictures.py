"""Pages with something on them, the same in every run."""

import random

from PIL import Image, ImageDraw

# Pixels of an A4 page at fax resolutions.
STANDARD, FINE, SUPERFINE = (1728, 1143), (1728, 2287), (1728, 4573)


def drawn(number: int, size: tuple[int, int] = FINE) -> Image.Image:
    """A page of mode "1": words, ruled lines, a filled shape; no two numbers look alike."""
    chance = random.Random(number)
    page = Image.new("1", size, 255)
    pen = ImageDraw.Draw(page)
    width, height = size
    pen.rectangle((8, 8, width - 9, height - 9), outline=0, width=3)
    pen.ellipse((width // 2, height // 2, width // 2 + width // (3 + number), height * 3 // 4), fill=0)
    for _ in range(60):
        place = (chance.randrange(width * 3 // 4), chance.randrange(height * 9 // 10))
        pen.text(place, f"page {number} {chance.randrange(10**6)}", fill=0)
    return page
