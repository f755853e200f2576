"""Kernels into templates and coefficients, by singular value decomposition."""

from typing import NamedTuple

import numpy as np


class Decomposition(NamedTuple):
    """The k templates and the coefficients that come nearest to given kernels.

    Attributes:
        templates: `(k, *kernel_shape)`, of one scale, in order of importance.
        coefficients: `(layers, k)`.
        error: Norm of what is lost over the norm of the kernels, 0 to 1.
    """

    templates: np.ndarray
    coefficients: np.ndarray
    error: float


def decompose(kernels: np.ndarray, num_templates: int) -> Decomposition:
    """The best approximation of `kernels`, `(layers, ...)`, by so many templates.

    Best in the sum of squares (Eckart and Young). More templates than layers are zeros.
    """
    kernels = np.asarray(kernels, "float64")
    layers = len(kernels)
    flat = kernels.reshape(layers, -1)
    # By the small matrix of products: kernels are long, and layers few.
    values, vectors = np.linalg.eigh(flat @ flat.T)
    order = np.argsort(values)[::-1]
    values, vectors = np.maximum(values[order], 0.0), vectors[:, order]
    kept = min(num_templates, layers)
    basis = vectors[:, :kept]
    # The templates get the scale of a kernel, the coefficients that of a rotation.
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
