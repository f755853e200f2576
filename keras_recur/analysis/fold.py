"""Fold layers that learned the same kernel into one."""

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
    """Return a smaller model in which similar layers share one kernel.

    Layers of a bank whose similarity is at least `threshold` share one kernel, times a
    scale per layer. If a bank has no more clusters than templates, the clusters'
    kernels replace its templates. Otherwise, its coefficients are tied. Each layer
    keeps its own normalization. A loop whose kernels then repeat at least once in full
    can run for any number of iterations: `inference.with_iterations(folded, n)`.

    `model` is not changed. If `threshold` is far below 1, update the normalization
    statistics (`analysis.update_batch_norm`) or continue training afterwards.

    Args:
        model: A Functional or Sequential model with template banks.
        threshold: Similarity from 0 (each bank becomes one kernel) to 1 (only layers
            that are equal up to scale are tied). Defaults to `0.95`.
        space: `"kernels"` (default) compares the mixed kernels. `"coefficients"`
            compares the coefficients, as the paper does.

    Returns:
        A `keras.Model` with its own weights, not compiled. The `labels` of each bank
        hold the cluster of each layer, or `None` if the bank did not change.

    Raises:
        ValueError: If the model has no bank, `threshold` is not between 0 and 1,
            `space` is unknown, or weights are not finite.

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
    """Return an unbuilt bank with tied layers, and its weights."""
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
    """Return the common direction of each cluster and each layer's scale along it."""
    directions, scales = [], np.zeros(len(labels))
    values, vectors = np.linalg.eigh(gram)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    for cluster in range(max(labels) + 1):
        members = [i for i, label in enumerate(labels) if label == cluster]
        rows = coefficients[members]
        seen = rows @ root  # Kernels in coordinates that preserve length.
        lengths = np.linalg.norm(seen, axis=1)
        if len(members) == 1 or not lengths.any():
            directions.append(rows[0])
            scales[members] = 1  # Zero scale and direction have no gradient.
            continue
        units = seen / np.maximum(lengths, np.finfo(float).tiny)[:, None]
        axis = np.linalg.svd(units, full_matrices=False)[2][0]
        along = seen @ axis
        # Back from kernels to coefficients.
        direction = np.linalg.lstsq(root.T, axis, rcond=None)[0]
        # The longest row sets the length, so that weight decay acts as before.
        largest = along[np.argmax(np.abs(along))]
        directions.append(direction * largest)
        scales[members] = along / largest
    return np.stack(directions), scales


def _assign(bank, values):
    for variable in bank.weights:
        variable.assign(values[variable.name].reshape(variable.shape))
