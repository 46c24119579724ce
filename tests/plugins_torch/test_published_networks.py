"""The networks are those that were published: parameter counts and shapes from their sources."""

import published_facts as published
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_mnist_cnn_is_that_of_the_example():
    from greenbench_torch.networks.mnist_cnn import MnistCnn

    network = MnistCnn(28, 1, 10, width=32, dropout=0.25, hidden=0.5)
    assert parameters(network) == published.CNN
    assert network.dense.in_features == published.CNN_FLATTENED
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_forward_forward_is_that_of_the_example():
    from greenbench_torch.networks.forward_forward import ForwardForward

    network = ForwardForward(784, width=500, threshold=2)
    layers = [(x.linear.in_features, x.linear.out_features) for x in network.layers]
    assert layers == published.FORWARD_FORWARD_LAYERS
    assert parameters(network) == published.FORWARD_FORWARD


def test_resnet18_has_the_published_size():
    from greenbench_torch.networks.resnet18 import ResNet18Trunk

    trunk = ResNet18Trunk(3, width=64)
    classes = torch.nn.Linear(trunk.features, 1000)
    assert parameters(trunk) + parameters(classes) == published.RESNET18
    assert trunk(torch.zeros(1, 3, 224, 224)).shape == (1, published.RESNET18_FEATURES)


def test_siamese_is_that_of_the_example():
    from greenbench_torch.networks.siamese import Siamese

    network = Siamese(1, width=64)
    assert parameters(network) == published.SIAMESE
    images = torch.zeros(2, 1, 28, 28)
    assert network(images, images).shape == (2,)
    assert network.judge[0].bias[0].item() == pytest.approx(published.SIAMESE_BIAS)


def test_resnet20_has_the_published_size():
    from greenbench_torch.networks.resnet20 import ResNet20

    network = ResNet20(3, 10, width=16)
    assert parameters(network) == published.RESNET20
    kinds = [type(m).__name__ for m in network.modules()]
    assert kinds.count("Conv2d") == published.RESNET20_CONVOLUTIONS
    assert kinds.count("Linear") == 1
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    sizes = []
    network.scores.register_forward_pre_hook(lambda _, x: sizes.append(tuple(x[0].shape)))
    network(torch.zeros(2, 3, 32, 32))
    assert sizes == [(2, published.RESNET20_FEATURES)]


def test_hrnet_w18_has_the_published_size():
    from greenbench_torch.networks.hrnet import HRNet

    network = HRNet(width=18, blocks=4)
    whole = parameters(network) + published.HRNET_CLASSES
    assert round(whole / 1e6, 2) == published.HRNET_W18_MILLIONS
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, published.HRNET_FEATURES)
    narrow = HRNet(width=4, blocks=1)
    seen = []
    narrow.stages[2].register_forward_hook(lambda *args: seen.extend(args[2]))
    narrow(torch.zeros(1, 3, 256, 128))
    assert [tuple(x.shape[1:]) for x in seen] == [
        (4 * 2**branch, 256 // stride, 128 // stride)
        for branch, stride in enumerate(published.HRNET_STRIDES)
    ]


def test_the_head_is_that_of_the_baseline():
    from greenbench_torch.networks.reidentifier import Reidentifier

    network = Reidentifier(published.PERSONS, width=18, blocks=1, dropout=0.5)
    head = sum(p.numel() for p in network.head_parameters())
    assert head == published.REIDENTIFICATION_HEAD
    assert parameters(network) == head + parameters(network.backbone)
    network.eval()
    images = torch.zeros(1, 3, 64, 64)
    assert network(images).shape == (1, published.PERSONS)
    assert network.features(images).shape == (1, published.EMBEDDING)


def test_the_transformer_with_gpt2s_sizes_has_gpt2s_parameters():
    from greenbench_torch.networks.transformer import Shape, Transformer

    with torch.device("meta"):
        network = Transformer(Shape(**published.GPT2_SIZES), dropout=0.1)
    assert parameters(network) == published.GPT2


def test_a_position_sees_nothing_that_comes_later():
    from greenbench_torch.networks.transformer import Shape, Transformer

    shape = Shape(vocabulary=256, context=8, width=16, heads=2, layers=2)
    network = Transformer(shape, dropout=0.0).eval()
    first = torch.tensor([[5, 6, 7, 8, 9, 10, 11, 12]])
    other = first.clone()
    other[0, 5:] = 99
    with torch.no_grad():
        assert torch.equal(network(first)[0, :5], network(other)[0, :5])
        assert not torch.equal(network(first)[0, 5], network(other)[0, 5])


def test_repeated_pixels_are_nearest_neighbours():
    from greenbench_torch.networks.hrnet import Upsample

    images = torch.arange(12.0).view(1, 2, 2, 3)
    expected = torch.nn.functional.interpolate(images, scale_factor=4, mode="nearest")
    assert torch.equal(Upsample(4)(images), expected)
