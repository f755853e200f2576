"""TensorFlow Datasets builders of the procedural tasks; see `register_builders`."""
