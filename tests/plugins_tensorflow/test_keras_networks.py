"""The networks in Keras are those that were published, too: the facts are those that their twins
in PyTorch are held against."""

import json
import os
import subprocess
import sys
from pathlib import Path

import published_facts as published
import pytest

pytestmark = pytest.mark.tensorflow
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def built():
    pytest.importorskip("tensorflow")
    done = subprocess.run(
        [sys.executable, "-B", str(HERE / "networks_drive.py")],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "PYTHONPATH": str(HERE.parent)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_mnist_cnn_is_that_of_the_example(built):
    network = built["mnist-cnn"]
    assert network["parameters"] == published.CNN
    assert network["flattened"] == published.CNN_FLATTENED
    assert network["output"] == [None, 10]


def test_forward_forward_is_that_of_the_example(built):
    network = built["mnist-forward-forward"]
    assert network["parameters"] == published.FORWARD_FORWARD
    assert [tuple(shape) for shape in network["layers"]] == published.FORWARD_FORWARD_LAYERS


def test_resnet18_has_the_published_size(built):
    network = built["resnet18"]
    features = published.RESNET18_FEATURES
    assert network["output"] == [None, features]
    assert network["parameters"] + (features * 1000 + 1000) == published.RESNET18


def test_siamese_is_that_of_the_example(built):
    network = built["mnist-siamese"]
    assert network["parameters"] == published.SIAMESE
    assert network["output"] == [None, 1]
    assert network["biases"] == pytest.approx([published.SIAMESE_BIAS] * 2)


def test_resnet20_has_the_published_size(built):
    network = built["cifar10-resnet20"]
    assert network["parameters"] == published.RESNET20
    assert network["convolutions"] == published.RESNET20_CONVOLUTIONS
    assert network["linear"] == 1
    assert network["features"] == published.RESNET20_FEATURES
    assert network["output"] == [None, 10]


def test_hrnet_w18_and_its_head_have_the_published_sizes(built):
    network = built["market1501-hrnet18"]
    assert network["head"] == published.REIDENTIFICATION_HEAD
    backbone = network["parameters"] - network["head"]
    whole = backbone + published.HRNET_CLASSES
    assert round(whole / 1e6, 2) == published.HRNET_W18_MILLIONS
    assert network["features"] == published.HRNET_FEATURES
    assert network["embedding"] == [None, published.EMBEDDING]
    assert network["output"] == [None, published.PERSONS]
    assert network["branches"] == [
        [256 // stride, 128 // stride, 18 * 2**branch]
        for branch, stride in enumerate(published.HRNET_STRIDES)
    ]


def test_the_transformer_with_gpt2s_sizes_has_gpt2s_parameters(built):
    network = built["gpt2"]
    assert network["parameters"] == published.GPT2
    assert network["output"] == [None, 1024, 50_257]
