"""Sample text from a character model."""

import keras
import numpy as np

from keras_recur._limits import check_size
from keras_recur._validation import check_integer, check_number, check_type
from keras_recur.data import decode_text, encode_text


def sample_text(
    model: keras.Model,
    prompt: str = "The ",
    length: int = 200,
    temperature: float = 1.0,
    seed: int = 0,
) -> str:
    """Continue a text with characters sampled from the predictions of a model.

    Texts shorter than the window are padded at their end, which a causal model ignores.
    The model reads only the last window of longer texts.

    Args:
        model: A causal Keras model from integers `(batch, window)`, as in
            `data.encode_text`, to logits `(batch, window, 97)` for the next characters,
            such as `zoo.build("frnn_text", readout="all").recurrent`.
        prompt: Nonempty text to continue. Defaults to `"The "`.
        length: Number of characters to sample, 1 to 1,000,000. Defaults to `200`.
        temperature: Divisor of the logits. Values below 1 favor likely characters; 0
            always takes the most likely one. Defaults to `1.0`.
        seed: Seed of the samples. Defaults to `0`.

    Returns:
        The prompt and the sampled characters.

    Raises:
        ValueError: If the prompt is empty, the temperature is negative or infinite,
            `length` is below 1, or the model has other inputs or outputs.

    Example:

    >>> from keras_recur.experiments.sample_text import sample_text
    >>> model = keras_recur.zoo.build(
    ...     "frnn_text", input_shape=8, width=4, readout="all"
    ... ).recurrent
    >>> text = sample_text(model, "while ", length=10)
    >>> text[:6], len(text)
    ('while ', 16)
    """
    check_type("model", model, keras.Model, "a Keras model")
    check_type("prompt", prompt, str, "a string")
    length = check_size("length", length)
    tokens = encode_text(prompt).tolist()
    if not tokens:
        raise ValueError("`prompt` must have at least one character. Received: ''.")
    hint = "It is a number of 0 or more; 0 always takes the most likely character."
    temperature = check_number("temperature", temperature, 0, hint=hint)
    seed = check_integer("seed", seed, 0)
    shape, outputs = tuple(model.input_shape), tuple(model.output_shape)
    if len(shape) != 2 or shape[1] is None or outputs[1:-1] != shape[1:]:
        raise ValueError(
            "`model` must map (batch, window) integers to logits for every position of "
            f"a fixed window. Received: a model from {shape} to {outputs}. Build "
            "frnn_text with readout='all'."
        )
    window = shape[1]
    rng = np.random.default_rng(seed)
    seen = np.zeros((1, window), dtype="int32")
    for _ in range(length):
        recent = tokens[-window:]
        seen[0, : len(recent)] = recent
        logits = np.asarray(model.predict_on_batch(seen)[0, len(recent) - 1])
        tokens.append(_draw(logits.astype("float64"), temperature, rng))
    return decode_text(np.array(tokens))


def _draw(logits, temperature, rng):
    # Draw noise at temperature 0 too, to use the same number of random values.
    noise = rng.gumbel(size=logits.shape)
    return int(np.argmax(logits + temperature * noise))
