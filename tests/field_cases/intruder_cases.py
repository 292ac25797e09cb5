"""Frames that do not show this sky, and frames that look odd and still do."""
import shutil

import numpy

from cases import DEEP, V2, Case, both, picture, quarantined, refused
from night import EXPOSURE, FRAMES, HIGH, OTHER_STARS, SKY, WIDE, blank, coloured, date_of, light, name_of, put

EXTRA = {1: ("a0.fit",), 3: ("a0.fit", "l15b.fit", "z0.fit")}  # first, within and last in the list
REPLACED = {1: (7,), 3: (7, 13, 22), "half": tuple(range(1, FRAMES, 2))}


# Words that no file name of ours holds.
IS_A_STACK, IS_OURS = "STACKCNT|NCOMBINE|is a stack|stack of", "tilecompile|our own|own product"


def cards_of(frames, first=0):
    """What the picture's header says of so many frames of the night."""
    return (("STACKCNT", frames), ("EXPTIME", EXPOSURE), ("LIVETIME", frames * EXPOSURE), ("DATE-OBS", date_of(first)))


def hot(image):
    """Hot pixels, which a search for stars may take for stars."""
    random = numpy.random.default_rng(5)
    image[random.integers(0, HIGH, 300), random.integers(0, WIDE, 300)] += random.uniform(1000, 20000, 300)
    return image


def vignette(level, noise):
    y, x = numpy.mgrid[-1:1:HIGH * 1j, -1:1:WIDE * 1j]
    return blank(level, noise) * (1 - 0.3 * (x**2 + y**2))


# kind: (pixels, cards, words that name it). Without cards only the pixels can tell.
STARLESS = {
    "dark": (lambda: blank(100, 4), {"IMAGETYP": "Dark Frame"}, "dark"),
    "dark-plain": (lambda: blank(100, 4), {}, "star"),
    "dark-hot": (lambda: hot(blank(100, 4)), {}, "star"),
    "bias": (lambda: blank(95, 3), {"IMAGETYP": "Bias Frame", "EXPTIME": 0.0}, "bias"),
    "bias-plain": (lambda: blank(95, 3), {}, "star"),
    "flat": (lambda: vignette(30000, 150), {"FRAME": "Flat"}, "flat"),
    "flat-plain": (lambda: vignette(30000, 150), {}, "star|scale"),
    "cap": (lambda: blank(480, 6), {}, "star"),
    "roof": (lambda: blank(320, 10) + numpy.linspace(0, 120, WIDE), {}, "star"),
    "fog-quiet": (lambda: blank(500, 5), {}, "star"),
    "fog": (lambda: blank(900, 15), {}, "star"),
    "fog-loud": (lambda: blank(3000, 60), {}, "star"),
}


def starless(kind, count, colour=False):
    pixels, cards, word = STARLESS[kind]
    suffix = "-colour" if colour else ""

    def make(nights, folder):
        names = EXTRA.get(count) or [f"z{index:02d}.fit" for index in range(15)]
        nights.link(folder, range(15 if count == "half" else FRAMES), "colour" if colour else "mono")
        for index, name in enumerate(names):
            image = pixels() + numpy.random.default_rng(70 + index).normal(0, 1, (HIGH, WIDE))
            put(folder / name, coloured(image, index, 1) if colour else image, index=100 + index, **cards)

    if count == "half":
        expect = both(refused(r"max_bad_share|groups|15 of 30|z00\.fit", r"z00|\b15\b"))
    else:
        expect = quarantined(EXTRA[count], (word,), remains=FRAMES, cards=cards_of(FRAMES))
    modes = ("run", "master") if (kind, count, colour) == ("dark-plain", 1, False) else ("run",)
    return Case(f"{kind}-{count}{suffix}", make, expect, "colour" if colour else "mono", modes=modes)


# kind: (frame of an index, words)
MISPLACED = {
    "shift-2": (lambda i: light(i, 2, 0), ("not registered", r"\b(1\.9|2\.0|2\.1)\d* px")),
    "shift-5": (lambda i: light(i, -3, 4), ("not registered",)),
    "shift-12": (lambda i: light(i, 12, 7), ("not registered", r"\b(11\.9|12\.[01])\d* px")),
    "shift-40": (lambda i: light(i, -40, 0), ("not registered", r"\b(39\.9|40\.[01])\d* px")),
    "flip": (lambda i: light(i)[::-1, ::-1], ("turned|flipped|meridian|180",)),
    "mirror": (lambda i: light(i)[:, ::-1], ("mirror",)),
    "other-field": (lambda i: light(i, stars=OTHER_STARS), ("other stars|other field",)),
}


def misplaced(kind, count, colour=False):
    pixels, words = MISPLACED[kind]
    clean = "colour" if colour else "mono"

    def make(nights, folder):
        nights.link(folder, kind=clean)
        for index in REPLACED[count]:
            image = pixels(index)
            put(folder / name_of(index), coloured(image, index) if colour else image, index=index)

    names = tuple(name_of(index) for index in REPLACED[count])
    expect = both(refused("groups", r"\b15\b")) if count == "half" else \
        quarantined(names, words, remains=FRAMES - len(names), cards=cards_of(FRAMES - len(names)))
    modes = ("run", "master") if (kind, count, colour) == ("shift-12", 1, False) else ("run",)
    return Case(f"{kind}-{count}{'-colour' if colour else ''}", make, expect, clean, modes=modes)


def bad_share(darks):
    """Darks among 24 lights: a fifth of all may be left out, more end the run."""
    names = tuple(f"z{index}.fit" for index in range(darks))

    def make(nights, folder):
        nights.link(folder, range(24))
        for index, name in enumerate(names):
            put(folder / name, blank(100, 4, 40 + index), index=100 + index)

    expect = quarantined(names, remains=24, cards=cards_of(24), width=(0.98, 1.02))  # the seeing of 24 is not that of 30
    if darks > 6:
        expect[DEEP] = refused("max_bad_share", names[0])
    return Case(f"bad-share-{darks}-of-{24 + darks}", make, expect)


def passes(name, change, indices, **near):
    """Frames that weigh little, or lie a little off, and are not refused."""
    def make(nights, folder):
        nights.link(folder)
        for index in indices:
            data = change(index)
            put(folder / name_of(index), data, "f4" if numpy.isnan(data).any() else "u2", index=index)

    good = dict(remains=FRAMES, never=("quarantined", "not registered", "left out"), sky=(SKY, 8))
    return Case(name, make, {DEEP: picture(**near, **good), V2: picture(figures=False, **good)})


def drifted(index):
    """A frame that was moved by registration and left a border without data."""
    image, border = light(index), 4 * index
    image[:, WIDE - border:] = numpy.nan
    return image


def residual(index):
    dx, dy = numpy.random.default_rng(300 + index).uniform(-0.3, 0.3, 2)
    return light(index, dx, dy)


def trail(index):
    image = light(index)
    image[numpy.arange(HIGH), numpy.arange(HIGH)] += 3000
    return image


EVERY, SOME = range(FRAMES), (4, 9, 14, 19, 24)
PASSES = [
    passes("thin-cloud", lambda i: light(i, clear=0.4), SOME, flux=(0.89, 1.01)),  # the scale may be that of the mean
    passes("twilight", lambda i: light(i, sky=4000, noise=45), SOME),
    passes("bad-seeing", lambda i: light(i, blur=2.0), SOME, flux=(0.97, 1.01), width=(0.98, 1.02),
           mean_width=(1.0, 1.06)),  # light outside of the aperture
    passes("moon-gradient", lambda i: light(i, glow=numpy.linspace(0, 200, WIDE)), SOME),
    passes("residual-offsets", residual, EVERY, width=(0.99, 1.03)),
    passes("drift", drifted, EVERY),
    passes("satellite", trail, SOME),
]


def stack_among(name, kind, words, **cards):
    """Last night's stack in the folder, as other programs write it."""
    file = "r_pp_light_stacked.fit"

    def make(nights, folder):
        nights.link(folder)
        put(folder / file, numpy.mean(nights.lights, 0), kind, index=0, **cards)

    return Case(name, make, quarantined((file,), words, remains=FRAMES, cards=cards_of(FRAMES)), modes=("run", "plan"))


def colour_stack(nights, folder):
    nights.link(folder, kind="colour")
    put(folder / "sum.fit", numpy.mean([coloured(image, i) for i, image in enumerate(nights.lights)], 0), "f4", STACKCNT=30)


def all_at_once(nights, folder):
    """A folder as it grows over a season."""
    nights.link(folder)
    put(folder / "a_dark.fit", blank(100, 4), index=100)
    put(folder / "l02_moved.fit", light(40, 12, 7), index=101)
    put(folder / "sum.fit", numpy.mean(nights.lights, 0), "f4", STACKCNT=30, LIVETIME=1800.0)
    put(folder / "m_float.fit", light(41) / 65535, "f4", index=102)
    shutil.copy(folder / "l03.fit", folder / "l03_copy.fit")
    put(folder / ".Trash-0" / "old.fit", 3 * light(42), index=103)
    shutil.copy(nights.own_run() / "stacked.fit", folder)


MESS = ("a_dark.fit", "l02_moved.fit", "sum.fit", "m_float.fit", "l03_copy.fit", "stacked.fit")


def bare_stack(nights, folder):
    nights.link(folder)
    put(folder / "sum.fit", numpy.mean(nights.lights, 0), "f4", DATE_OBS=None)


def own_file(pattern):
    def make(nights, folder):
        nights.link(folder)
        for path in nights.own_run().glob(pattern):
            shutil.copy(path, folder / path.name)
    return make


def own_run_inside(nights, folder):
    nights.link(folder, range(6))
    shutil.copytree(nights.own_run(), folder / "out" / "run")


def own(name, pattern, files):
    words = (IS_OURS, *(file.replace(".", r"\.") for file in files))
    return Case(name, own_file(pattern), {DEEP: picture(words, without=files, remains=FRAMES),
                                         V2: picture(words, codes=(0, 4), without=files)})


STACKS = [
    stack_among("oldstack-siril", "f4", (IS_A_STACK,), STACKCNT=30, LIVETIME=1800.0, PROGRAM="Siril 1.2.1"),
    stack_among("oldstack-16-bit", "u2", (IS_A_STACK,), STACKCNT=30, LIVETIME=1800.0),
    stack_among("oldstack-ncombine", "f4", (IS_A_STACK,), NCOMBINE=30),
    Case("oldstack-colour", colour_stack, quarantined(("sum.fit",), (IS_A_STACK,), remains=FRAMES), "colour"),
    Case("all-at-once", all_at_once, {DEEP: picture(tuple(name.replace(".", r"\.") for name in MESS), remains=FRAMES,
                                                    without=(*MESS, ".Trash-0"), cards=cards_of(FRAMES)),
                                      V2: refused(r"sum\.fit")}),
    Case("oldstack-bare", bare_stack, {DEEP: picture(("max_frame_share", r"sum\.fit"), remains=FRAMES + 1, width=(0.97, 1.03)),
                                       V2: picture(remains=FRAMES + 1, figures=False, sky=(SKY, 8))}),
    own("own-stack", "stacked.fit", ("stacked.fit",)),
    own("own-classical", "classical.fits", ("classical.fits",)),
    own("own-map", "stacked.variance.fits", ("stacked.variance.fits",)),
    own("own-coverage", "classical.coverage.fits", ("classical.coverage.fits",)),
    Case("own-run-inside", own_run_inside,
         {DEEP: picture((IS_OURS,), without=("out",), remains=6, figures=False, sky=(SKY, 15)),
          V2: picture((IS_OURS,), codes=(0, 4), without=("out",), figures=False, sky=(SKY, 15))}),
]

CASES = [
    *(starless(kind, count) for kind in STARLESS for count in (1, 3, "half")),
    *(starless(kind, count, True) for kind in ("dark", "dark-plain", "fog") for count in (1, 3)),
    *(misplaced(kind, count) for kind in MISPLACED for count in (1, 3, "half")),
    *(misplaced(kind, count, True) for kind in ("shift-12", "flip", "other-field") for count in (1, 3)),
    *(bad_share(darks) for darks in (6, 7)),
    *PASSES, *STACKS,
]
