"""Frames whose numbers are odd: clipped at zero, below zero, in other units."""
import numpy
from astropy.io import fits

import stars
from cases import DEEP, FAST, SMART, V2, Case, both, picture, quarantined, refused
from night import BRIGHT, FRAMES, PLANES, SKY, WIDE, coloured, light, name_of, put

BELOW = SKY - 2  # taken from every pixel: the sky lies within a few units of zero
BELOW_COLOUR = numpy.array([SKY * (0.8 + 0.2 * share) - 2 for share in PLANES])[:, None, None]


def written(change, kind, colour=False, **cards):
    """All frames of the night, changed."""
    def make(nights, folder):
        for index in range(FRAMES):
            data = coloured(nights.lights[index], index) if colour else nights.lights[index]
            put(folder / name_of(index), change(data, index), kind, index=index, **cards)
    return make


def mean_of_frames(folder):
    return numpy.mean([fits.getdata(path).astype(float) for path in sorted(folder.glob("l*.fit"))], 0)


def as_the_mean(outcome):
    """Clipping moves sky and flux by right: the measure is the plain mean of the very samples."""
    flux, width = stars.compare(outcome.plane("classical.fits"), mean_of_frames(outcome.folder), BRIGHT)
    level = float(numpy.nanmedian(outcome.plane("classical.fits")))
    # Brought to one sky and one flux scale, so the clipped samples of dark frames count a little otherwise.
    return [f"plain mean: {text}" for text, bad in ((f"star flux {flux:.4f}", not abs(flux - 1) < 0.015),
                                                    (f"FWHM {width:.4f}", not abs(width - 1) < 0.01),
                                                    (f"sky {level:.1f}", not -3 < level < 8)) if bad]


def coverage_at_the_border(outcome):
    """Borders of zeros are no data, single zeros are."""
    cover = outcome.plane("classical.coverage.fits")
    found = []
    border = cover[16:-16, :2]  # clipped samples beside a corner cannot be told from a border
    # Of a frame of which 80 % are zeros some more may hang together along the edge.
    if border.min() < FRAMES / 2 - 2 or border.max() > FRAMES / 2 or border.mean() < FRAMES / 2 - 0.5:
        found.append(f"coverage at the left border {border.min():g} to {border.max():g}, not {FRAMES // 2}")
    if not (cover[:, WIDE // 2] == FRAMES).all():
        found.append(f"coverage inside {cover[:, WIDE // 2].min():g}, not {FRAMES}")
    return found


def all_covered(outcome):
    cover = outcome.plane("classical.coverage.fits")
    return [] if (cover == FRAMES).all() else [f"coverage {cover.min():g} to {cover.max():g}, not {FRAMES}"]


def with_border(data, index):
    image = data.copy()
    if index % 2:
        image[:, :20] = 0
    else:
        image[:, -20:] = 0
    return image


def one_other(odd, others, colour=False):
    """`odd`: indices whose frames count to 65535; the rest to 1, or the other way round."""
    def make(nights, folder):
        for index in range(FRAMES):
            data = coloured(nights.lights[index], index) if colour else nights.lights[index]
            large = (index in odd) != (others == "u2")
            put(folder / name_of(index), data if large else data / 65535, "u2" if large else "f4", index=index)
    return make


def scales(name, odd, others, colour=False):
    names = tuple(name_of(index) for index in odd)
    expect = both(refused(r"65535|scale|units", r"\b15\b")) if len(odd) == 15 else \
        quarantined(names, (r"65535|scale|units|factor", rf"\b{FRAMES - len(odd)}\b"), remains=FRAMES - len(odd),
                    **({"unit": 1 / 65535} if others == "f4" else {}))
    modes = ("run", "master") if name == "oneu16" else ("run",)
    return Case(name, one_other(odd, others, colour), expect, "colour" if colour else "mono", modes=modes)


def far_background(nights, folder):
    """One frame with a pedestal of its own, a hundred times the others' sky."""
    nights.link(folder)
    put(folder / name_of(11), light(11, sky=60000, noise=15), index=11)


def far_noise(nights, folder):
    nights.link(folder)
    put(folder / name_of(11), light(11, sky=9000, noise=2500), index=11)


def one_of_8_bits(nights, folder):
    nights.link(folder)
    put(folder / name_of(4), nights.lights[4] / 257, "u1", index=4)


def negative(nights, folder, level=-200.0):
    written(lambda data, index: data - SKY + level, "f4")(nights, folder)


def exact_zero(nights, folder):
    written(lambda data, index: data - numpy.median(data), "f4")(nights, folder)


# What was cut off cannot come back: 2.5 % of the flux in a plain mean, some more where frames weigh differently.
CLIPPED = {"flux": (0.93, 1.0), "check": as_the_mean, "sky": (2.5, 6), "remains": FRAMES, "words": ("clipped at 0",)}
DIVIDES = refused("photometric", "background|sky")
CASES = [
    Case("zero-clipped", written(lambda data, index: data - BELOW, "u2"), {DEEP: picture(**CLIPPED), V2: DIVIDES}),
    Case("zero-clipped-colour", written(lambda data, index: data - BELOW_COLOUR, "u2", True),
         {DEEP: picture(figures=False, sky=(2.5, 6), remains=FRAMES)}, "colour"),
    Case("zero-clipped-hard", written(lambda data, index: data - BELOW - 8, "u2"),
         {DEEP: picture(figures=False, sky=(0, 6), remains=FRAMES), V2: DIVIDES}),
    Case("zero-clipped-borders", written(lambda data, index: with_border(data - BELOW, index), "u2"),
         {DEEP: picture(figures=False, sky=(2.5, 6), remains=FRAMES, check=coverage_at_the_border)}),
    *(Case(name, written(with_border, "u2"), {DEEP: picture(sky=(SKY, 5), remains=FRAMES, check=coverage_at_the_border)},
           settings=settings) for name, settings in (("zero-borders", ()), ("zero-borders-true", ("data.zero_is_nodata=true",)))),
    Case("zero-is-data", written(lambda data, index: data - BELOW, "u2"),
         {DEEP: picture(**{**CLIPPED, "check": lambda outcome: all_covered(outcome) + as_the_mean(outcome)})}, settings=("data.zero_is_nodata=false",)),
    Case("negative-sky", written(lambda data, index: data - BELOW, "f4"),
         {DEEP: picture(sky=(2, 5), remains=FRAMES), SMART: picture(sky=(2, 5), remains=FRAMES), V2: DIVIDES,
          FAST: DIVIDES}, modes=("run", "master")),
    Case("negative-sky-200", negative, {DEEP: picture(sky=(-200, 5), remains=FRAMES), V2: DIVIDES}),
    Case("zero-sky", exact_zero, {DEEP: picture(sky=(0, 3), remains=FRAMES), V2: DIVIDES}),
    Case("negative-sky-colour", written(lambda data, index: data - BELOW_COLOUR, "f4", True),
         {DEEP: picture(sky=(2, 5), remains=FRAMES)}, "colour"),
    scales("oneu16", (4,), "f4"), scales("onef4", (4,), "u2"), scales("oneu16-3", (4, 11, 20), "f4"),
    scales("onef4-3", (4, 11, 20), "u2"), scales("halfu16", tuple(range(0, FRAMES, 2)), "f4"),
    scales("oneu16-colour", (4,), "f4", True), scales("onef4-colour", (4,), "u2", True),
    Case("far-background", far_background, quarantined(("l11.fit",), remains=FRAMES - 1)),
    Case("far-noise", far_noise, quarantined(("l11.fit",), remains=FRAMES - 1)),
    Case("one-of-8-bits", one_of_8_bits, quarantined(("l04.fit",), remains=FRAMES - 1)),
    Case("all-floats", written(lambda data, index: data / 65535, "f4"),
         {DEEP: picture(remains=FRAMES, unit=1 / 65535, sky=(SKY / 65535, 5 / 65535)), V2: picture(
             remains=FRAMES, figures=False, unit=1 / 65535, sky=(SKY / 65535, 5 / 65535))}),  # v2 scales tiles by their medians
]
