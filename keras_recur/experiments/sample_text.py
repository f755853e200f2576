"""Text drawn from a character model, one character after the other."""

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
    """Continues a text with characters drawn from a model's predictions.

    The model is compiled once, for windows of its own length: a shorter text is filled
    up behind its end, where a causal model does not look, and of a longer one the model
    sees the last characters.

    Args:
        model: From integers `(batch, window)` to logits for the character behind each,
            `(batch, window, 97)`: of `zoo.build("frnn_text", readout="all")`, or any
            causal Keras model on characters as `data.encode_text` numbers them.
        prompt: The text to continue, of a character or more. Default `"The "`.
        length: How many characters to draw, 1 to 1,000,000. Default 200.
        temperature: Logits are divided by it. Below 1 likely characters become
            likelier; 0 always takes the likeliest. Default 1: as predicted.
        seed: Seed of the draws.

    Returns:
        The prompt and what was drawn behind it.

    Raises:
        ValueError: for an empty prompt, a negative or infinite temperature, a `length`
            below 1, and a model of another kind.

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
        raise ValueError(
            "`prompt` must have at least one character, to predict the next one from. "
            "Received: ''."
        )
    hint = "It is a number of 0 or more; 0 takes the likeliest character."
    temperature = check_number("temperature", temperature, 0, hint=hint)
    seed = check_integer("seed", seed, 0)
    shape, outputs = tuple(model.input_shape), tuple(model.output_shape)
    if len(shape) != 2 or shape[1] is None or outputs[1:-1] != shape[1:]:
        raise ValueError(
            "`model` must turn (batch, window) integers into logits for every position "
            f"of a known window. Received: a model from {shape} to {outputs}. Build "
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
    # Drawn at temperature 0 too, so that its random numbers stay in step.
    noise = rng.gumbel(size=logits.shape)
    return int(np.argmax(logits + temperature * noise))
