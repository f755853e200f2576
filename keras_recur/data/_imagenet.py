"""ImageNet as a stream: too large for memory, so a tf.data pipeline."""

from typing import Any

from keras_recur.data.datasets import DataSpec

SIDE = 224
SHORT_SIDE = 256
SHUFFLE_BUFFER = 8192


def imagenet_pipeline(
    builder: Any,
    spec: DataSpec,
    split: str,
    batch_size: int,
    *,
    augment: bool,
    shuffle: bool,
    drop_remainder: bool,
    num_examples: int | None,
    seed: int,
) -> Any:
    """Returns a `tf.data.Dataset` of (images, labels) in batches.

    Training images are cropped at random (8 % to 100 % of the area, aspect 3/4
    to 4/3), resized to 224 x 224 and flipped; others are resized to a short side
    of 256 and cropped at the centre. JPEGs are decoded after shuffling.
    """
    import tensorflow as tf
    import tensorflow_datasets as tfds

    mean, std = tf.constant(spec.mean or 0.0), tf.constant(spec.std or 1.0)

    def prepare(example: dict, number: Any) -> tuple:
        image = tf.io.decode_image(
            example["image"], channels=3, expand_animations=False
        )
        if augment:
            image = random_crop(image, number)
        else:
            image = centre_crop(image)
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

    def centre_crop(image: Any) -> Any:
        shape = tf.cast(tf.shape(image)[:2], tf.float32)
        scaled = tf.round(shape * SHORT_SIDE / tf.reduce_min(shape))
        image = tf.image.resize(image, tf.cast(scaled, tf.int32), antialias=True)
        return tf.image.resize_with_crop_or_pad(image, SIDE, SIDE)

    dataset = builder.as_dataset(
        split=split,
        shuffle_files=shuffle,
        decoders={"image": tfds.decode.SkipDecoding()},
        read_config=tfds.ReadConfig(shuffle_seed=seed),
    )
    if num_examples is not None:
        dataset = dataset.take(num_examples)
    if shuffle:
        dataset = dataset.shuffle(SHUFFLE_BUFFER, seed=seed)
    # Each example is numbered by a random stream that goes on over the epochs,
    # so that its crop is another one in every epoch.
    numbers = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    dataset = tf.data.Dataset.zip((dataset, numbers))
    dataset = dataset.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
    dataset = dataset.batch(batch_size, drop_remainder=drop_remainder)
    return dataset.prefetch(tf.data.AUTOTUNE)
