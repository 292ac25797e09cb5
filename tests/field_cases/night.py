"""Small seeded nights with known stars, and the frames that do not belong among them."""
import datetime
import os
import pathlib

import numpy
from astropy.io import fits

HIGH, WIDE, FRAMES = 160, 200, 30
SKY, NOISE = 500.0, 15.0
BEGAN = datetime.datetime(2024, 3, 1, 20, 0, 0)
EXPOSURE = 60.0
PLANES = (1.0, 0.8, 0.6)  # of the light, in the colours of a colour frame


def scatter_stars(seed, count=60, margin=14, apart=12):
    """(x, y, flux) of stars that stand apart; fluxes spread over a factor of fifty."""
    random, found = numpy.random.default_rng(seed), []
    while len(found) < count:
        x, y = random.uniform(margin, WIDE - margin), random.uniform(margin, HIGH - margin)
        if all((x - a)**2 + (y - b)**2 > apart**2 for a, b, _ in found):
            found.append((x, y, numpy.exp(random.uniform(6.7, 10.6))))
    return numpy.array(found)


STARS = scatter_stars(1)
OTHER_STARS = scatter_stars(2)
BRIGHT = [(x, y) for x, y, flux in STARS if flux > 8000]


def shine(stars, sigma, dx=0.0, dy=0.0):
    """Gaussian stars without a sky. Their light is spread by rows and columns, so each costs little."""
    columns, rows = numpy.arange(WIDE), numpy.arange(HIGH)
    across = numpy.exp(-(columns[None, :] - stars[:, 0:1] - dx)**2 / (2 * sigma**2))
    along = numpy.exp(-(rows[None, :] - stars[:, 1:2] - dy)**2 / (2 * sigma**2))
    return numpy.einsum("s,sy,sx->yx", stars[:, 2] / (2 * numpy.pi * sigma**2), along, across)


def light(index, dx=0.0, dy=0.0, stars=STARS, sky=None, noise=NOISE, clear=1.0, blur=1.0, glow=0.0, seed=100):
    """Frame `index` of the night: its seeing, sky and noise are its own. `glow`: extra light, an image or a number."""
    random = numpy.random.default_rng(seed + index)
    sigma, own_sky = random.uniform(1.2, 1.5), random.uniform(SKY - 15, SKY + 15)
    grain = random.normal(0, noise, (HIGH, WIDE))
    return (own_sky if sky is None else sky) + grain + clear * shine(stars, sigma * blur, dx, dy) + glow


def coloured(image, index=0, noise=NOISE):
    """Three planes of one mono frame, with skies, brightnesses and noises of their own."""
    random = numpy.random.default_rng(9000 + index)
    return numpy.array([SKY * (0.8 + 0.2 * share) + share * (image - SKY) + random.normal(0, noise / 3, image.shape)
                        for share in PLANES])


def blank(level, noise, seed=7):
    return numpy.random.default_rng(seed).normal(level, noise, (HIGH, WIDE))


def date_of(index):
    return (BEGAN + datetime.timedelta(seconds=index * (EXPOSURE + 2))).isoformat()


def name_of(index):
    return f"l{index:02d}.fit"


def header(index, cards):
    """Cards of frame `index`; `cards` override them (`DATE_OBS` for DATE-OBS), None removes one."""
    values = {"EXPTIME": EXPOSURE, "DATE-OBS": date_of(index), "OBJECT": "field", **{
        key.replace("_", "-"): value for key, value in cards.items()}}
    made = fits.Header()
    for key, value in values.items():
        if value is not None:
            made[key] = value
    return made


def as_type(data, kind):
    if kind == "f4":
        return numpy.asarray(data, kind)
    return numpy.clip(numpy.rint(data), 0, numpy.iinfo(kind).max).astype(kind)


def put(path, data, kind="u2", index=0, **cards):
    """Writes a frame; `kind`: u1, u2 (unsigned, clipped) or f4."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # the name may be a link to a frame of another case
    fits.PrimaryHDU(as_type(data, kind), header(index, cards)).writeto(path, overwrite=True)


class Nights:
    """The clean nights of all cases, written once; a case links their frames."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.lights = [light(index) for index in range(FRAMES)]
        for index, image in enumerate(self.lights):
            put(self.folder / "mono" / name_of(index), image, index=index)
            put(self.folder / "colour" / name_of(index), coloured(image, index), index=index)

    def link(self, folder, indices=range(FRAMES), kind="mono"):
        folder.mkdir(parents=True, exist_ok=True)
        for index in indices:
            os.link(self.folder / kind / name_of(index), folder / name_of(index))
