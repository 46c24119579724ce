"""Generated persons in Market-1501's form: figures in clothes, seen by cameras of their own cast.

Learnable and labelled synthetic. A person is hair, skin, upper and lower garment in fixed colours
with a fixed texture; a camera tints, dims and adds its own background; each photograph moves and
scales the figure and adds noise. Persons of the test are none of the training's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from greenbench_data import catalog
from greenbench_data.parts import Array, Photos, Reidentification, kept

ROWS: Final = 128
COLUMNS: Final = 64
CAMERAS: Final = 6
TRAIN_PERSONS: Final = 64
TEST_PERSONS: Final = 48
PHOTOS_A_CAMERA: Final = 2
QUERIES_A_PERSON: Final = 2
DISTRACTORS: Final = 96
SEED: Final = 1501
"""Never a trial's seed: every trial trains and is tested on the same photographs."""
NOISE: Final = 12.0
"""Standard deviation of the noise, of 255."""


@dataclass(frozen=True, slots=True)
class _Person:
    colours: Array
    """Hair, skin, upper, second colour of the upper, lower (5 × 3, 0 to 255)."""
    stripes: int
    waist: float
    width: float


def load(share: float) -> Reidentification:
    """The same photographs every time; a share of the training part costs a share of the time."""
    total = TRAIN_PERSONS * CAMERAS * PHOTOS_A_CAMERA
    train = _training(kept(total, share))
    query, gallery = _test()
    return Reidentification(
        name=catalog.SYNTHETIC_MARKET1501.name,
        label=catalog.SYNTHETIC_MARKET1501.label,
        synthetic=True,
        persons=TRAIN_PERSONS,
        train=train,
        query=query,
        gallery=gallery,
        total=total,
    )


def _training(count: int) -> Photos:
    random = np.random.default_rng([SEED, 1])
    persons = [_person(random) for _ in range(TRAIN_PERSONS)]
    total = TRAIN_PERSONS * CAMERAS * PHOTOS_A_CAMERA
    places = random.permutation(total)[:count]
    return _photographs(persons, places % TRAIN_PERSONS, places // TRAIN_PERSONS % CAMERAS, random)


def _test() -> tuple[Photos, Photos]:
    """Queries by cameras of each person's own choice; the gallery has all cameras' others."""
    random = np.random.default_rng([SEED, 2])
    persons = [_person(random) for _ in range(TEST_PERSONS)]
    asked = np.concatenate(
        [random.permutation(CAMERAS)[:QUERIES_A_PERSON] for _ in range(TEST_PERSONS)]
    )
    who = np.repeat(np.arange(TEST_PERSONS), QUERIES_A_PERSON)
    query = _photographs(persons, who, asked, random)
    a_person = CAMERAS * PHOTOS_A_CAMERA
    gallery = _photographs(
        persons,
        np.repeat(np.arange(TEST_PERSONS), a_person),
        np.tile(np.arange(CAMERAS), TEST_PERSONS * PHOTOS_A_CAMERA),
        random,
    )
    others = [_person(random) for _ in range(DISTRACTORS)]
    beside = _photographs(
        others, np.arange(DISTRACTORS), random.integers(CAMERAS, size=DISTRACTORS), random
    )
    return (
        Photos(query.images, query.identities + 1, query.cameras),
        Photos(
            np.concatenate([gallery.images, beside.images]),
            np.concatenate([gallery.identities + 1, np.zeros(DISTRACTORS, np.int64)]),
            np.concatenate([gallery.cameras, beside.cameras]),
        ),
    )


def _person(random: np.random.Generator) -> _Person:
    return _Person(
        colours=random.uniform(20, 235, size=(5, 3)),
        stripes=int(random.integers(0, 4)),
        waist=float(random.uniform(0.48, 0.6)),
        width=float(random.uniform(0.42, 0.58)),
    )


def _photographs(
    persons: list[_Person], who: Array, cameras: Array, random: np.random.Generator
) -> Photos:
    views = np.random.default_rng([SEED, 3])  # the cameras are the same in every part
    tints = views.uniform(0.75, 1.25, size=(CAMERAS, 3)) * views.uniform(
        0.65, 1.0, size=(CAMERAS, 1)
    )
    grounds = views.uniform(40, 200, size=(CAMERAS, 2, 3))
    images = np.empty((len(who), ROWS, COLUMNS, 3), np.uint8)
    for index, (person, camera) in enumerate(zip(who, cameras, strict=True)):
        image = _figure(persons[int(person)], grounds[int(camera)], random)
        image = image * tints[int(camera)] * random.uniform(0.85, 1.15)
        image += random.normal(0.0, NOISE, size=image.shape)
        images[index] = np.clip(image, 0, 255)
    return Photos(images, who.astype(np.int64), np.asarray(cameras, np.int64))


def _figure(person: _Person, ground: Array, random: np.random.Generator) -> Array:
    """One figure before a wall and a floor, moved and scaled (float64, 0 to 255)."""
    scale = random.uniform(0.85, 1.0)
    left = random.uniform(-0.08, 0.08)
    rows = (np.arange(ROWS) / ROWS - (1 - scale) / 2) / scale
    columns = (np.arange(COLUMNS) / COLUMNS - 0.5 - left) / scale
    down, across = rows[:, None], np.abs(columns)[None, :]
    image: Array = np.where((down < 0.8)[..., None], ground[0], ground[1]) * np.ones(
        (ROWS, COLUMNS, 1)
    )
    half = person.width / 2
    striped = (np.floor(down * 2 * person.stripes / 0.35) % 2 == 1) & (across < half)
    parts = (
        ((down >= 0.0) & (down < 0.07) & (across < 0.12), 0),
        ((down >= 0.07) & (down < 0.17) & (across < 0.11), 1),
        ((down >= 0.17) & (down < person.waist) & (across < half), 2),
        ((down >= 0.17) & (down < person.waist) & striped, 3),
        ((down >= person.waist) & (down < 0.97) & (across < half * 0.8) & (across > 0.03), 4),
    )
    for where, colour in parts:
        image[where] = person.colours[colour]
    return image
