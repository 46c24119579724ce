"""Builds the published networks in Keras in a process of its own and writes, as the last line of
standard output, the parameters and shapes that each has."""

import json
import math
import os

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}

import published_facts as published
from greenbench_tensorflow.nets import (
    forward_forward,
    hrnet18,
    mnist_cnn,
    resnet18,
    resnet20,
    siamese,
    transformer,
)
from keras import layers

WHOLE = {"width": 18, "blocks": 4, "dropout": 0.5}


def parameters(network):
    return count(network.trainable_variables)


def count(weights):
    return sum(math.prod(weight.shape) for weight in weights)


def cnn():
    network = mnist_cnn.network(28, 1, 10, width=32, dropout=0.25, hidden=0.5)
    (flattened,) = (x for x in network.layers if isinstance(x, layers.Flatten))
    return network, {"flattened": flattened.output.shape[1]}


def lively():
    network = forward_forward.network(784, width=500, threshold=2)
    return network, {"layers": [list(x.linear.kernel.shape) for x in network.layers]}


def pair():
    network = siamese.network(28, 1, width=64)
    dense = [x for x in network.layers if isinstance(x, layers.Dense)]
    return network, {"biases": [float(x.bias.numpy()[0]) for x in dense]}


def residual():
    network = resnet20.network(32, 3, 10, width=16)
    kinds = [type(x).__name__ for x in network.layers]
    features = network.layers[-1].input.shape[1]
    return network, {
        "convolutions": kinds.count("Conv2D"),
        "linear": kinds.count("Dense"),
        "features": features,
    }


def finder():
    network, embedding = hrnet18.network(256, 128, published.PERSONS, **WHOLE)
    first_of_head, *_ = (x for x in network.layers if x.name in hrnet18.HEAD_LAYERS)
    return network, {
        "head": count(hrnet18.head_weights(network)),
        "features": first_of_head.input.shape[1],
        "embedding": list(embedding.output_shape),
        "branches": sorted({tuple(x.output.shape[1:]) for x in added(network)}, reverse=True),
    }


def added(network):
    """What the exchanges add up: the branches, at their own resolutions and widths."""
    widths = [WHOLE["width"] * 2**branch for branch in range(4)]
    sums = (x for x in network.layers if isinstance(x, layers.Add))
    return [x for x in sums if x.output.shape[-1] in widths]


def gpt2():
    shape = transformer.Shape(**published.GPT2_SIZES)
    return transformer.language_model(shape, 0.1), {}


BUILT = {
    "mnist-cnn": cnn,
    "mnist-forward-forward": lively,
    "resnet18": lambda: (resnet18.trunk(224, 3, width=64), {}),
    "mnist-siamese": pair,
    "cifar10-resnet20": residual,
    "market1501-hrnet18": finder,
    "gpt2": gpt2,
}


def main():
    said = {}
    for name, build in BUILT.items():
        network, more = build()
        shape = list(network.output_shape)
        said[name] = {"parameters": parameters(network), "output": shape, **more}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
