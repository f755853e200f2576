"""Labels beside the points of a plot, without overlaps."""

import itertools
from typing import Any

import numpy as np

# Directions of a label from its point, in order of preference, and distances in
# typographic points.
_SIDES = (
    (-1, 1, "right", "bottom"),
    (0, 1, "center", "bottom"),
    (1, -1, "left", "top"),
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, -1, "center", "top"),
    (1, 1, "left", "bottom"),
    (-1, -1, "right", "top"),
)
_DISTANCES = (5, 13, 22, 32, 44, 58)


def place_labels(
    axes: Any,
    labels: list[tuple[float, float, str, Any]],
    points: list[tuple[float, float]],
    corners: list[tuple[float, float]],
) -> None:
    """Write `(x, y, text, color)` where it hides neither points nor the line."""
    # The layout and limits of the figure must be final. A label without space is lost.
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    scale = axes.figure.dpi / 72
    inside = axes.get_window_extent(renderer)
    taken = [
        *_around(axes.transData.transform(points), 3.5 * scale),
        *_between(axes.transData.transform(corners), scale),
    ]
    occupied = np.array(taken)
    for x, y, text, color in labels:
        for distance, side in itertools.product(_DISTANCES, _SIDES):
            note = _write(axes, (x, y), text, color, side, distance)
            box = _box(note, renderer)
            if _within(box, inside) and not _meets_any(box, occupied):
                occupied = np.vstack([occupied, box])
                break
            note.remove()


def _write(axes, place, text, color, side, distance):
    right, up, horizontal, vertical = side
    line = {"arrowstyle": "-", "color": "0.6", "lw": 0.6, "shrinkB": 3}
    return axes.annotate(
        text,
        place,
        xytext=(right * distance, up * distance),
        textcoords="offset points",
        ha=horizontal,
        va=vertical,
        fontsize=7,
        color=color,
        zorder=6,
        arrowprops=line if distance > _DISTANCES[0] else None,
    )


def _box(note, renderer):
    from matplotlib.text import Text

    # The window extent of an annotation would include its arrow.
    note.update_positions(renderer)
    return Text.get_window_extent(note, renderer).bounds


def _within(box, frame):
    left, bottom, width, height = box
    return (
        left >= frame.x0
        and bottom >= frame.y0
        and left + width <= frame.x1
        and bottom + height <= frame.y1
    )


def _around(places, radius):
    """Return boxes around points."""
    return [(x - radius, y - radius, 2 * radius, 2 * radius) for x, y in places]


def _between(corners, radius):
    """Return boxes around the parts of a line."""
    boxes = []
    for ends in itertools.pairwise(corners):
        start, end = np.min(ends, axis=0), np.max(ends, axis=0)
        boxes.append((*(start - radius), *(end - start + 2 * radius)))
    return boxes


def _meets_any(box, others):
    """Return whether a box overlaps any of the others, which may be thousands."""
    start, size = np.array(box[:2]), np.array(box[2:])
    starts, sizes = others[:, :2], others[:, 2:]
    meet = (start < starts + sizes) & (starts < start + size)
    return bool(meet.all(axis=1).any())
