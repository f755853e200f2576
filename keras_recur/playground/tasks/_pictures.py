"""Colors and helpers of pictures."""

from typing import Any

import numpy as np

BLUE, ORANGE, PALE = (31, 111, 178), (224, 122, 31), (170, 208, 236)
WALL, FREE, INK, GRAY = (38, 42, 48), (255, 255, 255), (38, 42, 48), (226, 230, 235)
START, END = (34, 160, 84), (205, 45, 55)
SIDE = 480  # Pixels of the longer side of a square picture.


def enlarged(image: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return an image with every pixel repeated, at most `side` pixels wide."""
    times = max(1, side // max(image.shape[:2]))
    return image.repeat(times, axis=0).repeat(times, axis=1)


def shaded(share: np.ndarray, color: Any = BLUE) -> np.ndarray:
    """Return colors from white (0) to `color` (1)."""
    share = np.clip(np.nan_to_num(share), 0, 1)[..., None]
    return np.round(255 + share * (np.array(color) - 255.0)).astype("uint8")


def marked(
    image: np.ndarray,
    there: np.ndarray,
    likely: np.ndarray,
    answer: np.ndarray | None,
) -> np.ndarray:
    """Return the image with the marked class drawn where `there` is true.

    Blue is the probability of the mark. With an answer, errors are orange and missing
    marks pale blue.
    """
    image = image.copy()
    image[there] = shaded(likely)[there]
    if answer is not None:
        guess = likely > 0.5
        image[there & guess] = BLUE
        image[there & ~guess] = FREE
        image[there & guess & (answer == 0)] = ORANGE
        image[there & ~guess & (answer == 1)] = PALE
    return image


def canvas(width: int, height: int) -> tuple[Any, Any]:
    """Return a white image and its drawing tool."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), FREE)
    return image, ImageDraw.Draw(image)


def write(draw: Any, place: Any, text: str, size: int = 14, **options: Any) -> None:
    """Write a text with the font that comes with Pillow."""
    from PIL import ImageFont

    options = {"fill": INK, **options}
    draw.text(place, text, font=ImageFont.load_default(size), **options)
