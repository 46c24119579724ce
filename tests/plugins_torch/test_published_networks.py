"""The networks are those that were published: parameter counts and shapes from their sources."""

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def parameters(network):
    return sum(p.numel() for p in network.parameters())


def test_mnist_cnn_is_that_of_the_example():
    """pytorch/examples, mnist/main.py: Conv2d(1, 32, 3), Conv2d(32, 64, 3), Linear(9216, 128),
    Linear(128, 10): 1,199,882 parameters."""
    from greenbench_torch.networks.mnist_cnn import MnistCnn

    network = MnistCnn(28, 1, 10, width=32, dropout=0.25, hidden=0.5)
    assert parameters(network) == 1_199_882
    assert network.dense.in_features == 9216
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_forward_forward_is_that_of_the_example():
    """pytorch/examples, mnist_forward_forward/main.py: Net([784, 500, 500])."""
    from greenbench_torch.networks.forward_forward import ForwardForward

    network = ForwardForward(784, width=500, threshold=2)
    assert [tuple(x.linear.weight.shape) for x in network.layers] == [(500, 784), (500, 500)]
    assert parameters(network) == 784 * 500 + 500 + 500 * 500 + 500


def test_resnet18_has_the_published_size():
    """torchvision's documentation of resnet18: num_params 11689512 (with 1,000 classes)."""
    from greenbench_torch.networks.resnet18 import ResNet18Trunk

    trunk = ResNet18Trunk(3, width=64)
    classes = torch.nn.Linear(trunk.features, 1000)
    assert parameters(trunk) + parameters(classes) == 11_689_512
    assert trunk(torch.zeros(1, 3, 224, 224)).shape == (1, 512)


def test_siamese_is_that_of_the_example():
    """pytorch/examples, siamese_network/main.py: ResNet-18 with one channel (conv1 has 64·49·2
    weights fewer), no class layer (513,000), then Linear(1024, 256), Linear(256, 1)."""
    from greenbench_torch.networks.siamese import Siamese

    network = Siamese(1, width=64)
    trunk = 11_689_512 - 513_000 - 64 * 49 * 2
    assert parameters(network) == trunk + (1024 * 256 + 256) + (256 + 1)
    images = torch.zeros(2, 1, 28, 28)
    assert network(images, images).shape == (2,)
    assert network.judge[0].bias[0].item() == pytest.approx(0.01)


def test_resnet20_has_the_published_size():
    """He et al. 2016, table 6: 0.27 M; 269,722 with option A, as counted by akamaster/
    pytorch_resnet_cifar10 and others. 20 layers have weights: 19 convolutions and one linear."""
    from greenbench_torch.networks.resnet20 import ResNet20

    network = ResNet20(3, 10, width=16)
    assert parameters(network) == 269_722
    kinds = [type(m).__name__ for m in network.modules()]
    assert kinds.count("Conv2d") == 19
    assert kinds.count("Linear") == 1
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    sizes = []
    network.scores.register_forward_pre_hook(lambda _, x: sizes.append(tuple(x[0].shape)))
    network(torch.zeros(2, 3, 32, 32))
    assert sizes == [(2, 64)]


def test_hrnet_w18_has_the_published_size():
    """HRNet/HRNet-Image-Classification, README: HRNet-W18-C, 21.3 M parameters with 1,000
    classes of 2,048 features."""
    from greenbench_torch.networks.hrnet import HRNet

    network = HRNet(width=18, blocks=4)
    whole = parameters(network) + 2048 * 1000 + 1000
    assert round(whole / 1e6, 1) == 21.3
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 2048)
    narrow = HRNet(width=4, blocks=1)
    seen = []
    narrow.stages[2].register_forward_hook(lambda *args: seen.extend(args[2]))
    narrow(torch.zeros(1, 3, 256, 128))
    assert [tuple(x.shape[1:]) for x in seen] == [
        (4, 64, 32),
        (8, 32, 16),
        (16, 16, 8),
        (32, 8, 4),
    ]


def test_the_head_is_that_of_the_baseline():
    """layumi/Person_reID_baseline_pytorch, ClassBlock: Linear(2048, 512), BatchNorm1d, Dropout,
    Linear(512, persons)."""
    from greenbench_torch.networks.reidentifier import Reidentifier

    network = Reidentifier(751, width=18, blocks=1, dropout=0.5)
    head = sum(p.numel() for p in network.head_parameters())
    assert head == (2048 * 512 + 512) + 2 * 512 + (512 * 751 + 751)
    assert parameters(network) == head + parameters(network.backbone)


def test_the_transformer_with_gpt2s_sizes_has_gpt2s_parameters():
    """Radford et al. 2019 and its published weights ("gpt2"): 124,439,808."""
    from greenbench_torch.networks.transformer import Shape, Transformer

    shape = Shape(vocabulary=50_257, context=1024, width=768, heads=12, layers=12)
    with torch.device("meta"):
        network = Transformer(shape, dropout=0.1)
    assert parameters(network) == 124_439_808


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
