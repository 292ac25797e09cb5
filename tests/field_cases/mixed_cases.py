"""One frame among thirty that other checks stumbled over: partly clouded, undebayered, or of the same start."""
import numpy

from cases import Case, both, picture, quarantined
from night import FRAMES, HIGH, NOISE, SKY, WIDE, blank, date_of, light, name_of, put


def with_hot_pixels(image, index):
    """Clumps of the sensor, moved with the frame that was registered."""
    random = numpy.random.default_rng(5)
    for x, y in zip(random.integers(0, WIDE, 60), random.integers(0, HIGH, 60)):
        image[(y + 5 * index) % (HIGH - 2):, :][:2, (x + 7 * index) % (WIDE - 2):][:, :2] += 4000
    return image


def half_clouded(nights, folder):
    for index in range(FRAMES):
        image = light(index)
        if index == 7:
            image[:HIGH // 2] = 0.05 * image[:HIGH // 2] + 0.95 * blank(SKY, NOISE)[:HIGH // 2]
        put(folder / name_of(index), with_hot_pixels(image, index), index=index)


def raw_sub(nights, folder):
    nights.link(folder, kind="colour")
    put(folder / "raw.fit", light(40), index=40, BAYERPAT="RGGB")


def one_start(nights, folder):
    """Two exposures of a sensor of colours that state one start: none is the other once more."""
    y, x = numpy.mgrid[:HIGH, :WIDE]
    green = numpy.where((x + y) % 2 == 1, 1.4, 1.0)
    for index in range(FRAMES):
        put(folder / name_of(index), light(index) * green, index=index,
            DATE_OBS=date_of(3 if index == 4 else index))


PASSES = dict(remains=FRAMES, figures=False, sky=(1.37 * SKY, 30))
CASES = [
    Case("half-clouded-1", half_clouded, both(picture(never=("do not lie", "groups", "other field"), remains=(FRAMES, FRAMES - 1),
                                                      codes=(0, 4), figures=False, sky=(SKY, 15)))),
    Case("raw-among-colour", raw_sub, quarantined(("raw.fit",), remains=FRAMES), "colour"),
    Case("mosaic-one-start", one_start, both(picture(("the start and exposure of another", r"l03\.fit"),
                                                     never=("once more",), **PASSES))),
]
