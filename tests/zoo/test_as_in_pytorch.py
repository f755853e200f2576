"""Compare families with the same networks in plain PyTorch."""

import numpy as np
import pytest
from compare import array, output
from families import inputs_for, loop_of, small

torch = pytest.importorskip("torch")
F = torch.nn.functional


def kernels(*layers):
    """Return weights in PyTorch's order of axes."""
    found = []
    for layer in layers:
        for weight in layer.weights:
            value = array(weight)
            axes = {1: (0,), 2: (1, 0), 3: (2, 1, 0), 4: (3, 2, 0, 1)}[value.ndim]
            found.append(torch.tensor(np.transpose(value, axes).copy()))
    return iter(found)


def mlp(x, outer, block, iterations):
    x = F.relu(F.linear(x.permute(0, 2, 3, 1).flatten(1), next(outer), next(outer)))
    for _ in range(iterations):
        x = F.relu(F.linear(x, *block))
    return F.linear(x, next(outer), next(outer))


def convnet(x, outer, block, iterations):
    x = F.relu(F.conv2d(x, next(outer), next(outer)))
    x = F.relu(F.conv2d(x, next(outer), next(outer)))
    for _ in range(iterations):
        x = F.relu(F.conv2d(x, *block, padding=1))
    x = F.relu(F.conv2d(F.max_pool2d(x, 3), next(outer), next(outer)))
    x = F.max_pool2d(x, 3).permute(0, 2, 3, 1).flatten(1)
    return F.linear(x, next(outer), next(outer))


def residual(conv, x, block):
    for first, second in (block[:2], block[2:]):
        y = conv(F.relu(conv(x, first, padding=1)), second, padding=1)
        x = F.relu(y + x)
    return x


def resnet(x, outer, block, iterations):
    x = F.relu(F.conv2d(x, next(outer), stride=2, padding=1))
    for _ in range(iterations):
        x = residual(F.conv2d, x, block)
    x = F.relu(F.conv2d(x, next(outer), stride=2, padding=1)).mean((2, 3))
    return F.linear(x, next(outer), next(outer))


def deep_thinking(x, outer, block, iterations, recall=False):
    conv = F.conv1d if x.ndim == 3 else F.conv2d
    image, x = x, F.relu(conv(x, next(outer), padding=1))
    for _ in range(iterations):
        if recall:
            x = conv(torch.cat([x, image], 1), block[0], padding=1)
            x = F.relu(x) if image.ndim == 3 else x
        x = residual(conv, x, block[-4:])
    for _ in range(2):
        x = F.relu(conv(x, next(outer), padding=1))
    return conv(x, next(outer), padding=1)


@pytest.mark.parametrize(
    ("name", "network", "options"),
    [
        ("mlp", mlp, {}),
        ("convnet", convnet, {"input_shape": (28, 28, 1)}),
        ("convnet", convnet, {"input_shape": (20, 23, 3)}),
        ("resnet", resnet, {}),
        ("resnet", resnet, {"input_shape": (7, 10, 3)}),
        ("deep_thinking_1d", deep_thinking, {}),
        ("deep_thinking_2d", deep_thinking, {}),
        ("deep_thinking_1d", deep_thinking, {"injection": "concat"}),
        ("deep_thinking_2d", deep_thinking, {"injection": "concat"}),
    ],
)
def test_family_equals_plain_pytorch(name, network, options):
    model = small(name, **options).recurrent
    loop = loop_of(model)
    outer = kernels(*[la for la in model.layers if la is not loop])
    x = inputs_for(model)
    recall = {"recall": True} if options.get("injection") else {}
    expected = network(
        torch.tensor(np.moveaxis(x, -1, 1)), outer, list(kernels(loop)), 3, **recall
    ).numpy()
    if expected.ndim > 2:
        expected = np.moveaxis(expected, 1, -1)
    assert next(outer, None) is None and np.ptp(expected) > 1e-2
    np.testing.assert_allclose(
        output(model, x), expected, 1e-4, 1e-5 * np.abs(expected).max()
    )
