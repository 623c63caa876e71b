# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy==2.4.6", "torch==2.9.1", "keras==3.15.1"]
# ///
"""The order of the layers in Keras's `.weights.h5`, which names them after their class only.

Run: python orders.py    (writes ../../../src/weights/keras_order.txt)

A line is a network, a class as the file spells it, and this crate's names of the layers of that
class in the order of `model.layers`, which is the order of their numbers in the file.
"""

from make import HERE, NETWORKS  # first: it chooses the backend of Keras

import keras
from keras import layers

CLASSES = {
    "conv2d": layers.Conv2D,
    "separable_conv2d": layers.SeparableConv2D,
    "batch_normalization": layers.BatchNormalization,
    "dense": layers.Dense,
}

lines = []
for network, (build, edge, name_of, _) in NETWORKS.items():
    keras.backend.clear_session()
    model = build(weights=None, input_shape=(edge, edge, 1), classes=2)
    for spelled, kind in CLASSES.items():
        found = [layer for layer in model.layers if type(layer) is kind]
        if found:
            lines.append(" ".join([network, spelled, *(name_of(layer.name) for layer in found)]))
target = HERE.parents[2] / "src" / "weights" / "keras_order.txt"
target.write_text("\n".join(lines) + "\n")
