"""Write a model as TensorFlow functions and variables, without Keras."""

import tempfile
from pathlib import Path
from typing import Any

from keras import ops, tree

from keras_recur._files import write_json
from keras_recur._keras import graph_nodes
from keras_recur._limits import MAX_COUNT, check_size
from keras_recur.inference import confidence
from keras_recur.inference._graph import (
    LOOPS,
    check_one_output,
    check_readout,
    draws_random_numbers,
    functional_copy,
    graph_loops,
)
from keras_recur.inference.early_exit import EarlyExitPredictor
from keras_recur.inference.stepwise import Stepwise
from keras_recur.inference.stop_rule import StopRule
from keras_recur.inference.with_iterations import with_iterations
from keras_recur.layers import RecurrentGraph
from keras_recur.layers._masks import answer_mask
from keras_recur.layers._random import seed_scope


def write_saved_model(
    model,
    path: Path,
    front: Any,
    max_iterations: int | None,
    reduction: str,
    stop_rules: list[dict],
    card: dict,
):
    """Write the folder. `export` describes its functions."""
    import tensorflow as tf

    def spec(tensor, name):
        return tf.TensorSpec(tensor.shape, tensor.dtype, name=name)

    entrance = model.input if front is None else front.input
    if tree.is_nested(entrance):
        inputs = tree.map_structure(lambda x: spec(x, x.name), entrance)
    else:
        inputs = spec(entrance, "inputs")
    arguments = {
        "serve": [inputs],
        "serve_iterations": [inputs, tf.TensorSpec((), "int32", name="iterations")],
        "serve_all": [inputs],
        "serve_until": [inputs, tf.TensorSpec((), "float32", name="confidence")],
        "serve_until_agreed": [inputs, tf.TensorSpec((), "int32", name="patience")],
    }
    rules = [StopRule(**fields) for fields in stop_rules]
    bodies, missing, facts = functions_of(model, max_iterations, reduction, rules)
    for rule in rules:
        threshold = tf.TensorSpec((), "float32", name="threshold")
        arguments[_function(rule)] = [inputs, threshold]
    if draws_random_numbers(model):
        facts["random numbers"] = "every function takes a seed as its last argument"
        for name, body in bodies.items():
            bodies[name] = _drawing(body)
            arguments[name].append(tf.TensorSpec((), "int32", name="seed"))
    module: Any = tf.Module()
    for name, body in bodies.items():
        function = tf.function(
            _after(front, body), input_signature=arguments[name], autograph=False
        )
        setattr(module, name, function)
    # All functions share these variables. Saving checks that none is missing.
    models = [model] if front is None else [front, model]
    module.parameters = [weight.value for m in models for weight in m.weights]
    card = card | {"functions": list(bodies), "not there": missing, **facts}
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "card.json"
        write_json(file, card)
        module.card = tf.saved_model.Asset(str(file))
        signatures = {name: getattr(module, name) for name in bodies}
        signatures["serving_default"] = module.serve
        log = tf.get_logger()
        level = log.level
        log.setLevel("WARNING")  # It would name a temporary folder.
        try:
            tf.saved_model.save(module, str(path), signatures=signatures)
        finally:
            log.setLevel(level)


def functions_of(
    model: Any, max_iterations: int | None, reduction: str, rules: list[StopRule]
) -> tuple[dict, dict, dict]:
    """Return the functions, reasons for missing ones, and facts about iterations."""
    if max_iterations is not None:
        check_size("max_iterations", max_iterations, MAX_COUNT)
    others = [*_OTHERS, *map(_function, rules)]
    stopping = [*_STOPPING, *map(_function, rules)]
    bodies: dict[str, Any] = {"serve": lambda x: model(x, training=False)}
    missing: dict[str, str] = {}
    facts: dict[str, Any] = {}
    loops = list(graph_loops(model))
    if not loops:
        why = "the model has no loop"
        return bodies, dict.fromkeys(others, why), facts
    steps = unread = None
    try:
        steps = Stepwise(model)
    except ValueError as error:
        missing = dict.fromkeys(stopping, str(error))
    try:
        check_readout(model, "Reading out every iteration")
        check_one_output(model, "Reading out every iteration")
    except ValueError as error:
        unread = str(error)
    # Without a Readout, another layer may read the states of all iterations.
    calls = _sequences(model)
    if steps and len(loops) == len(calls) == 1 and not (unread and calls[0]):
        bodies["serve_iterations"] = _looped(steps)
        limit = steps.max_iterations
        facts["iterations"] = {"trained": steps.iterations, "limit": limit}
    else:
        trained = max(
            loop.steps if isinstance(loop, RecurrentGraph) else loop.iterations
            for loop in loops
        )
        bodies["serve_iterations"], counts = _branched(
            model, trained, max_iterations, None if unread else "last"
        )
        facts["iterations"] = {"trained": trained, "allowed": counts}
    if unread:
        return bodies, dict.fromkeys(others[1:], unread), facts
    try:
        every = with_iterations(model, readout="all")
    except ValueError as error:
        missing["serve_all"] = str(error)
    else:

        def serve_all(x):
            logits = every(x, training=False)
            sure = confidence(logits, reduction, 2, answer_mask(logits))
            return {"logits": logits, "confidence": sure}

        bodies["serve_all"] = serve_all
    if steps:
        sure = EarlyExitPredictor(
            model, StopRule("confidence", reduction=reduction), max_iterations
        )
        agreed = EarlyExitPredictor(
            model, StopRule("agreement", reduction=reduction), max_iterations
        )
        bodies["serve_until"] = sure.run_symbolic
        bodies["serve_until_agreed"] = _patiently(agreed)
        for rule in rules:
            predictor = EarlyExitPredictor(model, rule, max_iterations)
            bodies[_function(rule)] = predictor.run_symbolic
        facts["stopping"] = {"maximum": sure.max_iterations, "positions": reduction}
    return bodies, missing, facts


def _sequences(model):
    """Return for each call of a loop whether it returns all states."""
    found = []
    for layer, arguments, _ in graph_nodes(functional_copy(model)):
        if isinstance(layer, LOOPS):
            asked = arguments.kwargs.get("return_sequences")
            found.append(layer.return_sequences if asked is None else asked)
    return found


_STOPPING = ("serve_until", "serve_until_agreed")
_OTHERS = ("serve_iterations", "serve_all", *_STOPPING)


def _function(rule):
    return f"serve_until_{rule.kind}"


def _drawing(body):
    """Return the function with the seed of its random numbers as last argument."""

    def seeded(*arguments):
        *arguments, seed = arguments
        with seed_scope(seed):
            return body(*arguments)

    return seeded


def _after(front, body):
    if front is None:
        return body
    return lambda x, *others: body(front(x, training=False), *others)


def _count(name, value, limit=None):
    """Return the tensor with a check that it is an allowed number."""
    import tensorflow as tf

    checks = [
        tf.debugging.assert_positive(value, f"`{name}` must be a positive integer.")
    ]
    if limit:
        checks.append(
            tf.debugging.assert_less_equal(
                value,
                limit,
                f"`{name}` can be at most {limit} here: there are no weights for more.",
            )
        )
    with tf.control_dependencies(checks):
        return tf.identity(value)


def _patiently(predictor):
    def serve_until_agreed(x, patience):
        return predictor.run_symbolic(x, patience=_count("patience", patience))

    return serve_until_agreed


def _looped(steps):
    """Return a function that runs the given number of iterations in one loop."""

    def serve_iterations(x, iterations):
        iterations = _count("iterations", iterations, steps.max_iterations)
        state, shown = steps.run_stem(x)

        def once(number, *state):
            after = steps.run_loop(list(state), shown, number, 1)
            return number + 1, *after

        start = (ops.zeros((), dtype="int32"), *state)
        _, *state = ops.while_loop(lambda t, *_: t < iterations, once, start)
        return steps.run_head(state)

    return serve_iterations


def _branched(model, trained, max_iterations, readout):
    """Return a function with a branch for each number of iterations."""
    import tensorflow as tf

    models = {}
    for n in range(1, max(trained, max_iterations or 0) + 1):
        try:
            models[n] = with_iterations(model, n, readout)
        except ValueError:  # A state graph's readout may need several steps.
            continue
    counts = list(models)
    if max_iterations is not None and max_iterations not in models:
        raise ValueError(
            f"`max_iterations` must be one of {counts} here: there are no weights for "
            f"others. Received: max_iterations={max_iterations}."
        )

    def serve_iterations(x, iterations):
        known = tf.reduce_any(tf.equal(iterations, counts))
        message = f"`iterations` must be one of {counts} here."
        with tf.control_dependencies([tf.debugging.Assert(known, [message])]):
            branch = tf.argmax(tf.cast(tf.equal(iterations, counts), "int32"))
        return tf.switch_case(
            tf.cast(branch, "int32"),
            [lambda m=m: m(x, training=False) for m in models.values()],
        )

    return serve_iterations, counts
