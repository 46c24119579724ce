"""The data sets in words: name, label, whether they are generated. Imports no NumPy."""

from __future__ import annotations

from typing import Final

from greenbench.api import DataSet

DIGITS: Final = DataSet(
    name="digits",
    label="real: scikit-learn digits",
    description=(
        "scikit-learn's digits: 1,797 real grey images of handwritten digits, 8×8 pixels; "
        "1,100 to train on, 197 to validate, 500 held out, stratified, the same for every seed"
    ),
    test_items=500,
)
DIGITS_28: Final = DataSet(
    name="digits-28x28",
    label="real: scikit-learn digits scaled to 28×28",
    description=(
        "scikit-learn's digits (1,797 real images) scaled from 8×8 to 20×20 within 28×28, the "
        "form of MNIST; 1,297 to train on, 500 held out"
    ),
    test_items=500,
)
MNIST: Final = DataSet(
    name="mnist",
    label="real: MNIST",
    description="MNIST: 60,000 grey 28×28 images of handwritten digits, 10,000 held out",
    source="greenbench_data.sources.mnist:Mnist",
    test_items=10_000,
)
CIFAR10: Final = DataSet(
    name="cifar10",
    label="real: CIFAR-10",
    description="CIFAR-10: 50,000 colour 32×32 images in 10 classes, 10,000 held out",
    source="greenbench_data.sources.cifar10:Cifar10",
    test_items=10_000,
)
SYNTHETIC_CIFAR10: Final = DataSet(
    name="synthetic-cifar10",
    label="synthetic, CIFAR-10 form",
    description=(
        "generated colour 32×32 images in 10 classes (a smooth pattern each, shifted, mixed with "
        "another's, with noise): 5,000 to train on, 1,000 held out"
    ),
    synthetic=True,
    test_items=1_000,
)
MARKET1501: Final = DataSet(
    name="market1501",
    label="real: Market-1501",
    description=(
        "Market-1501: 128×64 photographs of 1,501 pedestrians by six cameras; 12,936 of 751 "
        "persons to train on; of 750 others 3,368 queries and their gallery, distractors included"
    ),
    source="greenbench_data.sources.market1501:Market1501",
    test_items=3_368,
)
SYNTHETIC_MARKET1501: Final = DataSet(
    name="synthetic-market1501",
    label="synthetic, Market-1501 form",
    description=(
        "generated 128×64 figures seen by six cameras: 768 of 64 persons to train on; of 48 "
        "others 96 queries, and a gallery of 576 beside 96 distractors"
    ),
    synthetic=True,
    test_items=96,
)
STDLIB_TEXT: Final = DataSet(
    name="stdlib-text",
    label="real: source of Python's standard library",
    description=(
        "the source of Python's standard library byte by byte, without the modules of "
        "stdlib-functions; 131,072 bytes of other files are held out, and as many validate"
    ),
)
STDLIB_FUNCTIONS: Final = DataSet(
    name="stdlib-functions",
    label="real: functions of Python's standard library",
    description=(
        "functions of 16 modules of Python's standard library, the first 512 bytes of each; the "
        "module is the class; a fifth held out and a tenth to validate, stratified"
    ),
    test_items=900,  # 972 with Python 3.11; a test sees to it that there are as many
)

DATA_SETS: Final = (
    DIGITS,
    DIGITS_28,
    MNIST,
    CIFAR10,
    SYNTHETIC_CIFAR10,
    MARKET1501,
    SYNTHETIC_MARKET1501,
    STDLIB_TEXT,
    STDLIB_FUNCTIONS,
)
BY_NAME: Final = {data_set.name: data_set for data_set in DATA_SETS}
