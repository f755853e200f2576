"""Which split a procedural example belongs to.

The split is a function of the *content* of an example: its hash falls into one
of eight buckets, of which "test" and "validation" own one each and "train" the
other six. An example that was made for one split can therefore never turn up in
another one, whatever the size, the number of examples, the index or the seed.
"""

NUM_BUCKETS = 8
"""Number of buckets the hashes are divided into."""

BUCKETS = {
    "train": (2, 3, 4, 5, 6, 7),
    "validation": (1,),
    "test": (0,),
}
"""The buckets that each split owns."""

SPLITS = tuple(BUCKETS)
"""The splits of every procedural task."""
