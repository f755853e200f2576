"""Breadth-first search in many grids at once, with one bit per cell and grid."""

import numpy as np

FREE, OBSTACLE, QUERY = 0, 1, 2


def search(codes: np.ndarray, connectivity: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells on shortest paths, and which grids have connected points."""
    # Distances of neighbors differ by at most 1, so modulo 3 suffices to walk back.
    count, size = codes.shape[:2]
    side = size + 2
    flat = np.ones((side, side, count), dtype="uint8")
    flat[1:-1, 1:-1] = codes.transpose(1, 2, 0)
    flat = flat.reshape(side * side, count)
    free = np.packbits(flat != OBSTACLE, axis=1)
    points = np.zeros((2, side * side, count), dtype=bool)
    points[0, (flat == QUERY).argmax(axis=0), np.arange(count)] = True
    points[1] = (flat == QUERY) & ~points[0]
    layer, target = np.packbits(points, axis=2)
    modulo = np.stack([layer, np.zeros_like(layer), np.zeros_like(layer)])
    distance = 0
    reached = np.zeros(layer.shape[1], dtype="uint8")
    while (np.bitwise_or.reduce(layer, axis=0) & ~reached).any():
        free &= ~layer
        layer = _dilate(layer, side, connectivity) & free
        distance += 1
        modulo[distance % 3] |= layer
        reached |= np.bitwise_or.reduce(layer & target, axis=0)
    marked = np.zeros_like(layer)
    back = np.zeros_like(layer)
    for remaining in range(distance, -1, -1):
        back = (_dilate(back, side, connectivity) | target) & modulo[remaining % 3]
        marked |= back
    cells = np.unpackbits(marked, axis=1, count=count).reshape(side, side, count)
    connected = np.unpackbits(reached, count=count).astype(bool)
    return cells[1:-1, 1:-1].transpose(2, 0, 1), connected


def _dilate(cells: np.ndarray, side: int, connectivity: int) -> np.ndarray:
    """Return all neighbors of the cells; a border keeps the rows of a grid apart."""
    near = np.zeros_like(cells)
    for step in (1, side) if connectivity == 4 else (1, side - 1, side, side + 1):
        near[step:] |= cells[:-step]
        near[:-step] |= cells[step:]
    return near
