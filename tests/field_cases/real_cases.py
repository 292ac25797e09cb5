"""Real frames with one intruder of each kind, and nights of which no frame may be refused."""
import os
import pathlib
import shutil
import sys

import numpy
from astropy.io import fits

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "quality"))
from cases import Case, both, picture, quarantined
from datasets import DATA_SETS  # the nights of docs/quality.md

REAL = pathlib.Path(os.environ.get("TILECOMPILE_TEST_DATA") or pathlib.Path(__file__).resolve().parents[3] / "shared" / "data")
FIRST, COUNT = 61, 40  # frames of the middle of the night
# A check of the input needs no fine tiles.
QUICK = ("tile.size_factor=64", "tile.min_size=160", "tile.max_divisor=2", "reconstruction.rejection=none",
         "reconstruction.noise_guard=off", "reconstruction.local_sky=none")


def hatp32_name(index):
    return f"r_i_{FIRST + index:05d}.fits.fz"


def copy_hatp32(folder, leave=()):
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(COUNT):
        if index not in leave:
            shutil.copy(REAL / "hatp32" / hatp32_name(index), folder)


def frame(index):
    """(samples, header) of a real frame, as it is."""
    with fits.open(REAL / "hatp32" / hatp32_name(index)) as file:
        hdu = file[1] if file[0].data is None else file[0]
        cards = fits.Header()
        for key in ("EXPTIME", "DATE-OBS"):
            if key in hdu.header:
                cards[key] = hdu.header[key]
        return hdu.data.astype(float), cards


def moved(data, dx, dy):
    out = numpy.zeros_like(data)
    high, wide = data.shape
    out[max(dy, 0):high + min(dy, 0), max(dx, 0):wide + min(dx, 0)] = \
        data[max(-dy, 0):high + min(-dy, 0), max(-dx, 0):wide + min(-dx, 0)]
    return out


def noise_like(data, level, sigma=1.0, stars=0):
    """No sky of ours: noise, and other stars when asked for."""
    random = numpy.random.default_rng(3)
    image = random.normal(level, sigma, data.shape)
    y, x = numpy.mgrid[0:data.shape[0], 0:data.shape[1]]
    for _ in range(stars):
        a, b, flux = random.uniform(20, data.shape[1] - 20), random.uniform(20, data.shape[0] - 20), random.uniform(500, 20000)
        image += flux / 28 * numpy.exp(-((x - a)**2 + (y - b)**2) / 9)
    return image


INTRUDERS = {  # kind: (samples from those of a real frame, cards, words)
    "dark": (lambda d: noise_like(d, 290), {}, "star"),
    "dark-said": (lambda d: noise_like(d, 290), {"IMAGETYP": "Dark Frame"}, "dark"),
    "flat": (lambda d: noise_like(d, 2500, 12), {}, "star"),
    "fog": (lambda d: noise_like(d, 600, 2), {}, "star"),
    "shift-2": (lambda d: moved(d, 2, 0), {}, "not registered"),
    "shift-5": (lambda d: moved(d, 4, -3), {}, "not registered"),
    "shift-12": (lambda d: moved(d, 12, 0), {}, "not registered"),
    "shift-40": (lambda d: moved(d, -40, 8), {}, "not registered"),
    "flip": (lambda d: d[::-1, ::-1], {}, "turned|flipped|meridian|180"),
    "mirror": (lambda d: d[:, ::-1], {}, "mirror"),
    "other-field": (lambda d: noise_like(d, 350, 1.5, 80), {}, "other stars|other field"),
    "floats": (lambda d: d / 65535, {}, "65535|scale|units|factor"),
    "old-stack": (lambda d: d, {"STACKCNT": 40, "LIVETIME": 2400.0}, "STACKCNT|is a stack|stack of"),
}


def intruder(kind):
    change, cards, word = INTRUDERS[kind]
    name = "r_i_00080z.fit"  # in the middle of the list

    def make(_nights, folder):
        copy_hatp32(folder, leave=(20,))
        data, header = frame(20)
        header.update(cards)
        data = change(data)
        fits.PrimaryHDU(data.astype("f4") if kind in ("floats", "old-stack") else
                        numpy.clip(numpy.rint(data), 0, 65535).astype("u2"), header).writeto(folder / name)

    expect = quarantined((name,), (word,), remains=COUNT - 1, cards=(), figures=True, sky=None)
    return Case(f"hatp32-{kind}", make, expect, clean="hatp32", settings=QUICK, slow=kind not in ("dark", "shift-12"),
                needs="hatp32")


def whole(name):
    """No frame of it may be refused, in either profile."""
    data = DATA_SETS.get(name)
    simulated = data is not None and bool(data.simulate)

    def make(nights, folder):
        if simulated:
            night = folder.parent / (folder.name + "-night")
            nights.program("simulate", night, *data.simulate)
            (night / "frames").rename(folder)
        else:
            folder.symlink_to(REAL / name)

    def all_used(outcome):
        there = sum(path.name.endswith((".fit", ".fits", ".fz")) for path in outcome.folder.iterdir())
        used = outcome.record["frames"]["count"]
        return [] if used == there else [f"{used} of {there} frames are used"]

    expect = picture(figures=False, cards=(), check=all_used, never=("quarantined",))
    return Case(f"whole-{name}", make, both(expect), clean="", slow=name != "seestar_rgb",
                settings=(*QUICK, *(data.settings if data else ())), needs="" if simulated else name)


CLEAN = {"hatp32": lambda folder: copy_hatp32(folder, leave=(20,))}  # nights beside those of night.py
CASES = [*(intruder(kind) for kind in INTRUDERS),
         *(whole(name) for name in ("seestar_rgb", "hatp32", "akb64", "seeing", "cloud", "bad10", "many300", "steady", "field",
                                    "photometry", "few30"))]
