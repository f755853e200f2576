"""Folding: layers that learned the same kernel become one.

Reference: Savarese and Maire 2019 (arXiv:1902.09701), folding of implicit recurrences.
A scale per layer is kept, so that what is lost is the angle between kernels alone.
"""

import keras
import numpy as np

from keras_recur._validation import check_one_of
from keras_recur.analysis._banks import rebuilt, require_banks
from keras_recur.analysis.find_loop import check_threshold, find_loop
from keras_recur.analysis.layer_similarity import arrays_of, cosines
from keras_recur.layers import SharedRecurrentBlock, TemplateBank


def fold(
    model: keras.Model, threshold: float = 0.95, space: str = "kernels"
) -> keras.Model:
    """A smaller model in which layers that are alike share one kernel.

    In every bank, layers whose similarity is at least the threshold are tied: they
    have one kernel, times a scale of their own. Where a bank has fewer clusters than
    templates, its templates are replaced by the clusters' kernels, and the model and
    its file get smaller; otherwise its coefficients are tied. Normalization stays
    every layer's own. A loop whose kernels then repeat, in full once at least, runs any
    number of iterations: `inference.with_iterations(folded, n)`.

    The model itself is not changed. After folding far below 1, recalibrate
    normalization statistics (`analysis.update_batch_norm`) or train on.

    Args:
        model: A Functional or Sequential model with template banks.
        threshold: From 0, each bank becomes one kernel, to 1, only layers that are
            equal up to scale are tied and no output changes. Default 0.95.
        space: `"kernels"` (default) goes by the cosine of the mixed kernels,
            `"coefficients"` by the paper's, of their coefficients.

    Returns:
        A `keras.Model` on weights of its own, not compiled. Each bank's `labels` name
        the cluster of each of its layers; they are `None` where the bank is as it was.

    Raises:
        ValueError: for a model without a bank, a threshold outside of 0 to 1, an
            unknown `space`, and weights that are not finite.

    Reference:
        [Savarese and Maire 2019](https://arxiv.org/abs/1902.09701), section 4.

    Example:

    >>> pair = keras_recur.zoo.build("scnn", width=4, iterations=3)
    >>> folded = keras_recur.analysis.fold(pair.recurrent, 0.0)
    >>> folded.get_layer("recurrent").banks[0].labels
    [0, 0, 0]
    """
    check_threshold("threshold", threshold)
    check_one_of("space", space, ("coefficients", "kernels"))
    require_banks(model)
    made = []

    def change(layer):
        if isinstance(layer, TemplateBank):
            folded, values = _folded(layer, layer.name, threshold, space)
            made.append((folded, values))
            return folded
        if not isinstance(layer, SharedRecurrentBlock) or not layer.banks:
            return None
        pairs = [_folded(bank, layer.name, threshold, space) for bank in layer.banks]
        config = {
            **layer.get_config(),
            "sharing": [keras.saving.serialize_keras_object(bank) for bank, _ in pairs],
        }
        loop = SharedRecurrentBlock.from_config(config)
        made.append((loop, (layer, [values for _, values in pairs])))
        return loop

    folded = rebuilt(model, change)
    for layer, values in made:
        if isinstance(layer, TemplateBank):
            _assign(layer, values)
            continue
        source, values = values
        for bank, found in zip(layer.banks, values, strict=True):
            _assign(bank, found)
        layer.weight_sharing.assign_rows(source.weight_sharing.values())
    return folded


def _folded(bank, name, threshold, space):
    """A bank like this with its layers tied, not built yet, and its weights."""
    coefficients, gram = arrays_of(bank, name)
    metric = gram if space == "kernels" else np.eye(len(gram))
    labels = find_loop(cosines(coefficients, metric), threshold).labels
    templates = keras.ops.convert_to_numpy(bank.templates)
    clusters = max(labels) + 1
    config = bank.get_config()
    if clusters == bank.num_layers and clusters >= len(templates):
        values = {v.name: keras.ops.convert_to_numpy(v) for v in bank.weights}
        return type(bank).from_config(config), values
    directions, scales = _tied(coefficients, gram, labels)
    values = {"scales": scales, "templates": templates}
    if clusters <= len(templates):
        values["templates"] = np.tensordot(directions, templates, axes=1)
        config["num_templates"] = clusters
    else:
        values["directions"] = directions
    config |= {"labels": labels, "coefficients_regularizer": None}
    return type(bank).from_config(config), values


def _tied(coefficients, gram, labels):
    """The common direction of each cluster, and every layer's scale along it.

    Directions have the length of the cluster's longest row: templates keep the scale
    that weight decay knows.
    """
    directions, scales = [], np.zeros(len(labels))
    values, vectors = np.linalg.eigh(gram)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    for cluster in range(max(labels) + 1):
        members = [i for i, label in enumerate(labels) if label == cluster]
        rows = coefficients[members]
        seen = rows @ root  # Their kernels, in coordinates in which lengths are true.
        lengths = np.linalg.norm(seen, axis=1)
        if len(members) == 1 or not lengths.any():
            directions.append(rows[0])
            scales[members] = 1  # Of zero as well: both zero would never train again.
            continue
        units = seen / np.maximum(lengths, np.finfo(float).tiny)[:, None]
        axis = np.linalg.svd(units, full_matrices=False)[2][0]
        along = seen @ axis
        # Back from kernels to coefficients.
        direction = np.linalg.lstsq(root.T, axis, rcond=None)[0]
        largest = along[np.argmax(np.abs(along))]
        directions.append(direction * largest)
        scales[members] = along / largest
    return np.stack(directions), scales


def _assign(bank, values):
    for variable in bank.weights:
        variable.assign(values[variable.name].reshape(variable.shape))
