"""Decompose kernels into templates and coefficients."""

from typing import NamedTuple

import numpy as np


class Decomposition(NamedTuple):
    """The templates and coefficients that are nearest to given kernels."""

    templates: np.ndarray  # (k, *kernel_shape), of one scale, in order of importance
    coefficients: np.ndarray  # (layers, k)
    error: float  # Norm of the loss over the norm of the kernels.


def decompose(kernels: np.ndarray, num_templates: int) -> Decomposition:
    """Return the best approximation of `kernels`, `(layers, ...)`, by templates."""
    kernels = np.asarray(kernels, "float64")
    layers = len(kernels)
    flat = kernels.reshape(layers, -1)
    # This gives the least sum of squares (Eckart and Young). The matrix is small.
    values, vectors = np.linalg.eigh(flat @ flat.T)
    order = np.argsort(values)[::-1]
    values, vectors = np.maximum(values[order], 0.0), vectors[:, order]
    kept = min(num_templates, layers)
    basis = vectors[:, :kept]
    # Templates have the scale of a kernel, coefficients that of a rotation.
    templates = np.zeros((num_templates, flat.shape[1]))
    templates[:kept] = basis.T @ flat
    coefficients = np.zeros((layers, num_templates))
    coefficients[:, :kept] = basis
    total = float(np.sum(flat**2))
    lost = float(np.sum((flat - coefficients @ templates) ** 2))
    return Decomposition(
        templates.reshape(num_templates, *kernels.shape[1:]),
        coefficients,
        float(np.sqrt(lost / total)) if total else 0.0,
    )
