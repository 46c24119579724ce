"""What was published of the bundled models' networks: parameter counts and shapes, each with its
source. The networks of both frameworks are held against these."""

CNN = 1_199_882
CNN_FLATTENED = 9216
"""pytorch/examples, mnist/main.py: Conv2d(1, 32, 3), Conv2d(32, 64, 3), Linear(9216, 128),
Linear(128, 10)."""

FORWARD_FORWARD_LAYERS = [(784, 500), (500, 500)]
FORWARD_FORWARD = 784 * 500 + 500 + 500 * 500 + 500
"""pytorch/examples, mnist_forward_forward/main.py: Net([784, 500, 500])."""

RESNET18 = 11_689_512
RESNET18_FEATURES = 512
"""torchvision's documentation of resnet18: num_params 11689512, with three channels and 1,000
classes of 512 features."""

SIAMESE = (RESNET18 - (512 * 1000 + 1000) - 64 * 49 * 2) + (1024 * 256 + 256) + (256 + 1)
SIAMESE_BIAS = 0.01
"""pytorch/examples, siamese_network/main.py: ResNet-18 with one channel (conv1 has 64·49·2
weights fewer), no class layer, then Linear(1024, 256), Linear(256, 1); biases begin at 0.01."""

RESNET20 = 269_722
RESNET20_CONVOLUTIONS = 19
RESNET20_FEATURES = 64
"""He et al. 2016, table 6: 0.27 M; 269,722 with option A, as counted by akamaster/
pytorch_resnet_cifar10 and others. 20 layers have weights: 19 convolutions and one linear."""

HRNET_W18_MILLIONS = 21.30
HRNET_FEATURES = 2048
HRNET_CLASSES = HRNET_FEATURES * 1000 + 1000
"""HRNet/HRNet-Image-Classification, README: HRNet-W18-C, 21.3 M parameters with 1,000 classes of
2,048 features; 21.30 M in OpenMMLab's mmpretrain, configs/hrnet."""

HRNET_STRIDES = (4, 8, 16, 32)
"""Wang et al., arXiv 1908.07919, section 3: branches at 1/4, 1/8, 1/16 and 1/32 of the image's
resolution, each of twice the width of the one before."""

PERSONS = 751
EMBEDDING = 512
REIDENTIFICATION_HEAD = (2048 * 512 + 512) + 2 * 512 + (512 * PERSONS + PERSONS)
"""layumi/Person_reID_baseline_pytorch, ClassBlock: Linear(2048, 512), BatchNorm1d, Dropout,
Linear(512, persons); Market-1501 has 751 persons to learn from."""

GPT2_SIZES = {"vocabulary": 50_257, "context": 1024, "width": 768, "heads": 12, "layers": 12}
GPT2 = 124_439_808
"""Radford et al. 2019 and its published weights ("gpt2")."""
