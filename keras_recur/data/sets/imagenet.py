"""ImageNet as a `tf.data.Dataset`, because it does not fit into memory."""

from typing import Any

from keras_recur.data.data_spec import register
from keras_recur.data.request import Request

SIDE = 224
SHORT_SIDE = 256
SHUFFLE_BUFFER = 8192


_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@register(
    name="imagenet",
    summary="ImageNet 2012: photographs in 1,000 classes, streamed.",
    num_classes=1000,
    input_shape=(SIDE, SIDE, 3),
    metric="accuracy",
    splits=("train", "validation"),
    num_examples={"train": 1_281_167, "validation": 50_000},
    source="Savarese & Maire, Learning Implicitly Recurrent CNNs Through Parameter "
    "Sharing, ICLR 2019",
    mean=_MEAN,
    std=_STD,
    augmentation="random resized crop to 224, horizontal flip",
    augmented={},
    tfds_name="imagenet2012",
    download_size="144 GB, by hand after registering at image-net.org",
    streamed=True,
)
def make(request: Request) -> Any:
    """Return a `tf.data.Dataset` of batches of images and labels."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    from keras_recur.data._tfds import prepared_builder

    builder = prepared_builder("imagenet", request.data_dir, request.download)
    seed, shuffle = request.seed, request.shuffle
    mean, std = tf.constant(_MEAN), tf.constant(_STD)

    def prepare(example: dict, number: Any) -> tuple:
        image = tf.io.decode_image(
            example["image"], channels=3, expand_animations=False
        )
        if request.augment:
            image = random_crop(image, number)
        else:
            image = center_crop(image)
        image = tf.clip_by_value(image, 0.0, 255.0) / 255.0
        image = (image - mean) / std
        return image, tf.cast(example["label"], tf.int32)

    def random_crop(image: Any, number: Any) -> Any:
        key = tf.stack([tf.constant(seed, tf.int64), number])
        start, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.shape(image),
            tf.zeros((1, 0, 4)),
            seed=key,
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.08, 1.0),
            use_image_if_no_bounding_boxes=True,
        )
        image = tf.slice(image, start, size)
        image = tf.image.resize(image, (SIDE, SIDE), antialias=True)
        return tf.image.stateless_random_flip_left_right(image, key)

    def center_crop(image: Any) -> Any:
        shape = tf.cast(tf.shape(image)[:2], tf.float32)
        scaled = tf.round(shape * SHORT_SIDE / tf.reduce_min(shape))
        image = tf.image.resize(image, tf.cast(scaled, tf.int32), antialias=True)
        return tf.image.resize_with_crop_or_pad(image, SIDE, SIDE)

    dataset = builder.as_dataset(
        split=request.split,
        shuffle_files=shuffle,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(shuffle_seed=seed),
    )
    if request.num_examples is not None:
        dataset = dataset.take(request.num_examples)
    batch_size = request.batch_size
    if request.shard is not None:
        index, count = request.shard
        examples = int(dataset.cardinality())
        if examples % count and not request.training:
            raise ValueError(
                f"The {examples} examples must be divisible by the {count} shards. "
                f"Received: shard={request.shard}. Set `num_examples`."
            )
        # Shards of different lengths would wait for each other without end.
        dataset = dataset.take(examples - examples % count).shard(count, index)
        batch_size //= count
    if shuffle:
        dataset = dataset.shuffle(SHUFFLE_BUFFER, seed=seed)
    # One random stream over all epochs gives an example a new crop in each of them.
    numbers = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    dataset = tf.data.Dataset.zip((dataset, numbers))
    dataset = dataset.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch_size, drop_remainder=request.training)
    return dataset.prefetch(tf.data.AUTOTUNE)
