"""PyTorch as the backend against the same network in plain PyTorch.

The zoo's recurrent network and a `torch.nn.Module` written by hand have equal weights
(checked by their outputs first) and run in one process in turn: inference of one batch
without gradients, and a training step with Adam.

    KERAS_BACKEND=torch python benchmarks/plain_torch.py --network deep_thinking_1d \\
        --width 48 --size 16 --batch 1 --iterations 8 --variant inference --repeats 60

Each takes 10 seconds on one CPU core.
"""

import dataclasses
import time

from setting import Asked, Job, Setting, parse_setting
from worker import at, compare, compiled, data, recurrent, timed_step

WARM_UP = 3
NETWORKS = (
    (Setting("deep_thinking_1d", width=48, size=16, iterations=8), (1, 100)),
    (Setting("deep_thinking_2d", width=32, size=24, iterations=5), (1, 16)),
)
TINY = ((Setting("deep_thinking_1d", width=4, size=8, iterations=2), (1, 2)),)


def jobs(backend: str, asked: Asked) -> list[Job]:
    if backend != "torch":
        return []
    repeats = asked.repeats or (3 if asked.quick else 60)
    return [
        Job(
            "plain_torch",
            backend,
            dataclasses.replace(s, batch=batch, variant=variant, repeats=repeats),
        )
        for s, batches in (TINY if asked.quick else NETWORKS)
        for batch in batches
        for variant in ("inference", "training")
    ]


def measure(setting: Setting) -> None:
    import keras
    import numpy as np
    import torch

    ours = recurrent(setting)
    x, y = data(setting)
    ours.build((None, *x.shape[1:]))
    plain = by_hand(ours, setting).to(keras.ops.convert_to_tensor(x).device)
    tensor = keras.ops.convert_to_tensor(x)
    first = torch.movedim(tensor, -1, 1).contiguous()
    with torch.no_grad():
        found = torch.movedim(plain(first), 1, -1)
        if not np.allclose(ours(tensor).cpu(), found.cpu(), rtol=1e-4, atol=1e-5):
            raise SystemExit("The two networks differ: not comparable.")
    if setting.variant == "inference":
        timed = {
            "plain PyTorch": lambda: timed_inference(plain, first),
            "zoo": lambda: timed_inference(ours, tensor),
        }
    else:
        compiled(ours, setting)
        target = torch.as_tensor(y, device=first.device).long()
        optimizer = torch.optim.Adam(plain.parameters(), lr=1e-4)
        timed = {
            "plain PyTorch": lambda: plain_step(plain, optimizer, first, target),
            "zoo": lambda: timed_step(ours, x, y),
        }
    at("first runs")
    for run in timed.values():
        for _ in range(WARM_UP):
            run()
    compare(setting.variant, setting.repeats, timed)


def timed_inference(model, x) -> float:
    """Return the seconds until the outputs of a batch are NumPy arrays."""
    import torch

    start = time.perf_counter()
    with torch.no_grad():
        model(x).cpu().numpy()
    return time.perf_counter() - start


def plain_step(model, optimizer, x, y) -> float:
    import torch

    start = time.perf_counter()
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    float(loss.detach())
    return time.perf_counter() - start


def by_hand(ours, setting: Setting):
    """Return the network in plain PyTorch, with the weights of `ours`."""
    import torch
    from torch import nn

    one_d = setting.network == "deep_thinking_1d"
    Conv = nn.Conv1d if one_d else nn.Conv2d

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            kernels = [conv(w.value) for w in ours.trainable_variables]
            self.projection, *inner = kernels
            self.recall = inner.pop(0) if one_d else None
            self.blocks, self.head = nn.ModuleList(inner[:4]), nn.ModuleList(inner[4:])

        def forward(self, inputs):
            x = torch.relu(self.projection(inputs))
            for _ in range(setting.iterations):
                if self.recall:
                    x = torch.relu(self.recall(torch.cat([x, inputs], 1)))
                for first, second in (self.blocks[:2], self.blocks[2:]):
                    x = torch.relu(second(torch.relu(first(x))) + x)
            *before, last = self.head
            for layer in before:
                x = torch.relu(layer(x))
            return last(x)

    def conv(kernel):
        weights = kernel.detach().permute(-1, -2, *range(kernel.ndim - 2)).contiguous()
        filters, channels = weights.shape[:2]
        layer = Conv(channels, filters, 3, padding=1, bias=False)
        layer.weight = nn.Parameter(weights)
        return layer

    return Network()


if __name__ == "__main__":
    measure(parse_setting(__doc__))
