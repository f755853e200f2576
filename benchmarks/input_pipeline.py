"""`data.load` from a folder against the same pipeline by hand in `tf.data`.

The folder holds random images: CIFAR-10 as TensorFlow Datasets stores it, the files of
Fashion-MNIST, or JPEGs of the size of ImageNet's. Both sides read, shuffle, crop, flip
and normalize them, and yield batches as NumPy arrays. By hand, small images are cached
in memory after they were decoded, and only the crop of a JPEG is decoded. An epoch with
reading begins at the opening of the folder. The two sides alternate, on all cores.

    KERAS_BACKEND=tensorflow python benchmarks/input_pipeline.py --network cifar10 \\
        --size 20000 --batch 128 --repeats 5

`--network` is the data set and `--size` the number of its images. Images per second and
core are images per second of processor time. Each takes a minute on 2 CPU cores.
"""

import gzip
import hashlib
import statistics
import tempfile
import time
from pathlib import Path

from setting import Asked, Job, Setting, parse_setting
from worker import at, report

IMAGES = {"cifar10": 20_000, "fashion_mnist": 60_000, "imagenet": 600}
SHAPES = {
    "cifar10": (32, 32, 3),
    "fashion_mnist": (28, 28, 1),
    "imagenet": (375, 500, 3),
}
PADS = {"cifar10": 4, "fashion_mnist": 2}
SIDE = 224


def jobs(backend: str, asked: Asked) -> list[Job]:
    if backend != "tensorflow" or asked.device == "gpu":
        return []
    quick = asked.quick
    return [
        Job(
            "input",
            backend,
            Setting(
                name,
                size=20 if quick else count,
                batch=10 if quick else 128,
                repeats=asked.repeats or (1 if quick else 5),
            ),
        )
        for name, count in IMAGES.items()
    ]


def measure(setting: Setting) -> None:
    with tempfile.TemporaryDirectory() as folder:
        at("images")
        WRITE[setting.network](Path(folder), setting)
        at("first runs")
        sides = {"by hand": by_hand, "data.load": by_load}
        for side in sides.values():
            epochs(side(folder, setting))
        runs = []
        for pair in range(setting.repeats):
            at(f"pair {pair + 1} of {setting.repeats}")
            runs.append([epochs(side(folder, setting)) for side in sides.values()])
    for part, what in enumerate(("epoch with reading", "epoch")):
        times = [[run[part] for run in pair] for pair in runs]
        ratios = [ours / hand for hand, ours in times]
        hand, ours = (statistics.median(t) for t in zip(*times, strict=True))
        report(what, hand, "s", variant="by hand")
        report(what, ours, "s", variant="data.load", ratio_to="by hand")
        for name, of in (("pair by pair", statistics.median), ("smallest", min)):
            report(f"{what}, {name}", of(ratios), "ratio", variant="data.load")
        report(f"{what}, largest", max(ratios), "ratio", variant="data.load")
    images = setting.size // setting.batch * setting.batch
    for side, variant in enumerate(sides):
        wall, cores = (
            images / statistics.median(pair[side][part] for pair in runs)
            for part in (1, 2)
        )
        report("images", wall, "per second", variant=variant)
        report("images per core", cores, "per second", variant=variant)


def epochs(opened) -> tuple[float, float, float]:
    """Return the seconds of the first and of a later epoch, and of the processor."""
    start = time.perf_counter()
    batches = opened()
    for _ in batches():
        pass
    first = time.perf_counter()
    worked = time.process_time()
    for _ in batches():
        pass
    return (
        first - start,
        time.perf_counter() - first,
        time.process_time() - worked,
    )


def by_load(folder: str, setting: Setting):
    from keras_recur import data

    def opened():
        loaded = data.load(
            setting.network, "train", setting.batch, data_dir=folder, augment=True
        )
        if setting.network == "imagenet":
            return loaded.as_numpy_iterator
        epoch = -1

        def batches():
            nonlocal epoch
            epoch += 1
            loaded.epoch = epoch
            return (loaded[i] for i in range(len(loaded)))

        return batches

    return opened


def by_hand(folder: str, setting: Setting):
    """Return a function that opens the folder and returns its epochs."""
    import tensorflow as tf

    from keras_recur import data

    name = setting.network
    spec = data.describe(name)
    mean, std = tf.constant(spec.mean), tf.constant(spec.std)

    def small(image, label):
        pad, (height, width, _) = PADS[name], SHAPES[name]
        image = tf.image.resize_with_crop_or_pad(
            image, height + 2 * pad, width + 2 * pad
        )
        image = tf.image.random_crop(image, SHAPES[name])
        return finished(image, label)

    def large(file, label):
        content = tf.io.read_file(file)
        start, size, _ = tf.image.sample_distorted_bounding_box(
            tf.io.extract_jpeg_shape(content),
            tf.zeros((1, 0, 4)),
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.08, 1.0),
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([start[:2], size[:2]], 0)
        image = tf.io.decode_and_crop_jpeg(content, window, channels=3)
        image = tf.image.resize(image, (SIDE, SIDE), antialias=True)
        return finished(tf.clip_by_value(image, 0.0, 255.0), label)

    def finished(image, label):
        image = tf.image.random_flip_left_right(image)
        image = (tf.cast(image, tf.float32) / 255.0 - mean) / std
        return image, tf.cast(label, tf.int32)

    def opened():
        dataset = READ[name](folder)
        dataset = dataset.shuffle(setting.size)
        dataset = dataset.map(
            large if name == "imagenet" else small, num_parallel_calls=tf.data.AUTOTUNE
        )
        dataset = dataset.batch(setting.batch, drop_remainder=True)
        return dataset.prefetch(tf.data.AUTOTUNE).as_numpy_iterator

    return opened


def read_cifar10(folder):
    import tensorflow_datasets as tfds

    builder = tfds.builder("cifar10", data_dir=folder)
    return builder.as_dataset(
        split="train", as_supervised=True, shuffle_files=True
    ).cache()


def read_fashion_mnist(folder):
    import numpy as np
    import tensorflow as tf

    def content(name):
        return gzip.decompress((Path(folder) / f"{name}.gz").read_bytes())

    images = np.frombuffer(content("train-images-idx3-ubyte"), "uint8", offset=16)
    labels = np.frombuffer(content("train-labels-idx1-ubyte"), "uint8", offset=8)
    images = images.reshape(-1, *SHAPES["fashion_mnist"])
    return tf.data.Dataset.from_tensor_slices((images, labels))


def read_imagenet(folder):
    import tensorflow as tf

    files = sorted(str(path) for path in Path(folder).glob("images/*.jpg"))
    return tf.data.Dataset.from_tensor_slices((files, [0] * len(files)))


def write_cifar10(folder: Path, setting: Setting) -> None:
    images = noise(setting)
    write_tfds(
        "cifar10",
        folder,
        ({"id": str(i), "image": x, "label": i % 10} for i, x in enumerate(images)),
    )


def write_fashion_mnist(folder: Path, setting: Setting) -> None:
    """Write random files, and make `data.load` accept them as the original ones."""
    from keras_recur.data import _fashion_mnist

    images = noise(setting)
    contents = (
        bytes([0, 0, 8, 3]) + integers(setting.size, 28, 28) + images.tobytes(),
        bytes([0, 0, 8, 1]) + integers(setting.size) + bytes(setting.size),
    )
    files = _fashion_mnist.FILES["train"]
    for name, content in zip(files, contents, strict=True):
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, 6))
        files[name] = hashlib.sha256(content).hexdigest()


def write_imagenet(folder: Path, setting: Setting) -> None:
    """Write JPEGs as files and as TensorFlow Datasets stores them."""
    import tensorflow as tf

    (folder / "images").mkdir()
    files = []
    for i, coarse in enumerate(noise(setting, SHAPES["imagenet"][0] // 16)):
        smooth = tf.image.resize(coarse, SHAPES["imagenet"][:2], "bicubic")
        pixels = tf.cast(tf.clip_by_value(smooth, 0.0, 255.0), tf.uint8)
        file = folder / "images" / f"{i:05}.jpg"
        file.write_bytes(tf.io.encode_jpeg(pixels, quality=95).numpy())
        files.append(str(file))
    write_tfds(
        "imagenet2012",
        folder,
        ({"file_name": f, "image": f, "label": 0} for f in files),
    )


def write_tfds(name: str, folder: Path, examples) -> None:
    """Let TensorFlow Datasets store examples of ours in place of its own."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()
    builder = tfds.builder(name, data_dir=folder)
    builder._split_generators = lambda dl_manager: {"train": enumerate(examples)}
    builder.download_and_prepare()


def noise(setting: Setting, side: int = 0):
    import numpy as np

    height, width, channels = SHAPES[setting.network]
    shape = (side, side) if side else (height, width)
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (setting.size, *shape, channels), dtype="uint8")


def integers(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


READ = {
    "cifar10": read_cifar10,
    "fashion_mnist": read_fashion_mnist,
    "imagenet": read_imagenet,
}
WRITE = {
    "cifar10": write_cifar10,
    "fashion_mnist": write_fashion_mnist,
    "imagenet": write_imagenet,
}


if __name__ == "__main__":
    measure(parse_setting(__doc__))
