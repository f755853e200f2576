"""Labels beside the points of a plot, without overlaps."""

import itertools
from typing import Any

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
    labels: list[tuple[float, float, str]],
    points: list[tuple[float, float]],
    corners: list[tuple[float, float]] | None = None,
) -> None:
    """Write labels `(x, y, text)` where they hide neither points nor the line."""
    # The layout and limits of the figure must be final. A label without space is lost.
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    scale = axes.figure.dpi / 72
    inside = axes.get_window_extent(renderer)
    taken = [_around(axes.transData.transform(p), 3.5 * scale) for p in points]
    taken += [
        _between(axes.transData.transform(ends), scale)
        for ends in itertools.pairwise(corners or [])
    ]
    for x, y, text in labels:
        for distance, side in itertools.product(_DISTANCES, _SIDES):
            note = _write(axes, (x, y), text, side, distance)
            box = _box(note, renderer)
            if _within(box, inside) and not any(_meet(box, other) for other in taken):
                taken.append(box)
                break
            note.remove()


def _write(axes, place, text, side, distance):
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
        color="0.15",
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


def _around(place, radius):
    x, y = place
    return x - radius, y - radius, 2 * radius, 2 * radius


def _between(ends, radius):
    left, bottom = ends.min(axis=0) - radius
    width, height = ends.max(axis=0) - ends.min(axis=0) + 2 * radius
    return left, bottom, width, height


def _meet(one, other):
    return all(
        one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2]
        for i in (0, 1)
    )
