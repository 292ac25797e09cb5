"""Simulated nights: pictures against the scene they were made from, and weights against the true seeing."""
import csv
import json

import numpy
import sep
from astropy.io import fits

from images import convolve, gaussian_kernel, read_image, robust_sd, without_bend

WIDE_FWHM = 3.0  # aperture that no change of the seeing reaches, in FWHM of the plain mean
COLUMNS = (("zero_point", "zero point %", "{:.2f}"), ("zero_noise", "by noise %", "{:.2f}"),
           ("bright", "bright %", "{:+.2f}"), ("bright_error", "its error", "{:.2f}"),
           ("nebula", "nebula error", "{:.3f}"),
           ("shadow", "shadow", "{:.3f}"), ("shadow_error", "its error", "{:.3f}"),
           ("shadow_neff", "N_eff there", "{:.2f}"),
           ("rank_star", "rank STAR", "{:+.2f}"), ("rank_structure", "rank STRUCTURE", "{:+.2f}"))


class Truth:
    """The scene of a night, beside the field it is measured on."""

    def __init__(self, night, field):
        self.night, self.field = night, field
        self.image = read_image(night / "truth.fits")
        self.frames = len(frame_table(night)["frame"])
        self.flux = catalogue_fluxes(night, field.stars)
        self.bright = numpy.isfinite(self.flux) & (field.stars.snr >= numpy.percentile(field.stars.snr, 40))
        self.plain_error = self.nebula_error(field.classical, self.scale_of(field.classical))

    def scale_of(self, image):
        """Flux of `image` over the truth's: median over the brighter stars."""
        return float(numpy.median(self.star_ratio(image)[self.bright]))

    def star_ratio(self, image):
        """Fluxes over the catalogue's in wide apertures on image - scale * truth: neighbours and nebula cancel."""
        scale = 1.0
        for _ in range(4):
            ratio = scale + wide_fluxes(self.flattened(image - scale * self.image), self.field.stars) / self.flux
            scale = float(numpy.median(ratio[self.bright]))
        return ratio

    def flattened(self, image):
        """`image` without the sky that fits it best: a plane, or what the night's moon needs."""
        flat = without_bend(numpy.nan_to_num(image), ~self.field.sky_mask, self.field.sky_degree or 1)
        return numpy.where(self.field.outside, 0, flat)

    def nebula_error(self, image, scale):
        """Rms of what is left of image / scale - truth on the sky after smoothing with 2 FWHM, a plane taken away."""
        rest = self.flattened(image / scale - self.image)
        kernel = gaussian_kernel(2 * self.field.stars.fwhm_px)
        sky = (~self.field.sky_mask).astype(float)
        weight = convolve(sky, kernel)
        smooth = convolve(rest * sky, kernel) / numpy.maximum(weight, 1e-6)
        return float(numpy.sqrt(numpy.mean(smooth[(sky > 0) & (weight > 0.3)] ** 2)))

    def figures(self, image):
        """zero_point: rms over the field of a quadratic surface through the ratios; zero_noise: what the scatter of
        the stars about that surface alone would make of it; bright: the brightest tenth against all,
        and its standard error;
        nebula: error over that of the plain mean."""
        ratio = self.star_ratio(image)
        scale = self.scale_of(image)
        order = numpy.argsort(-numpy.nan_to_num(self.flux))
        brightest = order[:max(5, len(order) // 10)]
        zero_point, noise = self.surface_rms(ratio / scale)
        errors = [median_error(ratio[chosen]) for chosen in (brightest, self.bright)]
        return {"zero_point": 100 * zero_point, "zero_noise": 100 * noise,
                "bright": 100 * (float(numpy.median(ratio[brightest])) / scale - 1),
                "bright_error": 100 * float(numpy.hypot(*errors)) / scale,
                "nebula": self.nebula_error(image, scale) / self.plain_error}

    def surface_rms(self, ratio):
        """(rms over the covered field of the surface less its mean, the same expected from the residuals)."""
        stars = self.field.stars
        height, width = self.image.shape
        x, y = 2 * stars.x / width - 1, 2 * stars.y / height - 1
        terms = numpy.stack([numpy.ones(len(x)), x, y, x * x, x * y, y * y], axis=1)
        area = numpy.pi * (WIDE_FWHM * stars.fwhm_px) ** 2
        weight = self.flux / numpy.sqrt(self.flux / self.frames + area * self.field.rms ** 2)
        kept = numpy.isfinite(ratio)
        for _ in range(3):
            fit = numpy.linalg.lstsq(terms[kept] * weight[kept, None], ratio[kept] * weight[kept], rcond=None)[0]
            rest = (ratio - terms @ fit) * weight
            kept &= abs(rest) < 4 * 1.4826 * numpy.median(abs(rest[kept]))
        v, u = numpy.mgrid[-1:1:21j, -1:1:21j]
        covered = ~self.field.outside[((v + 1) / 2 * (height - 1)).astype(int), ((u + 1) / 2 * (width - 1)).astype(int)]
        x, y = u[covered], v[covered]
        at_field = numpy.stack([numpy.ones(len(x)), x, y, x * x, x * y, y * y], axis=1)
        weighted = terms[kept] * weight[kept, None]
        covariance = (rest[kept] ** 2).sum() / (kept.sum() - 6) * numpy.linalg.inv(weighted.T @ weighted)
        varying = at_field - at_field.mean(axis=0)
        noise = numpy.sqrt(numpy.einsum("ij,jk,ik->i", varying, covariance, varying).mean())
        return float((at_field @ fit).std()), float(noise)


def median_error(values):
    """Standard error of a median."""
    return 1.2533 * robust_sd(values) / numpy.sqrt(len(values))


def wide_fluxes(image, stars):
    return sep.sum_circle(numpy.ascontiguousarray(numpy.nan_to_num(image)), stars.x, stars.y,
                          WIDE_FWHM * stars.fwhm_px, subpix=0)[0]


def catalogue_fluxes(night, stars):
    """Flux of the brightest star of the catalogue within 2 px; NaN without one."""
    table = numpy.genfromtxt(night / "catalogue.csv", delimiter=",", names=True)  # brightest first
    fluxes = numpy.full(len(stars), numpy.nan)
    for i, (x, y) in enumerate(zip(stars.x, stars.y)):
        near = numpy.flatnonzero(numpy.hypot(table["x"] - x, table["y"] - y) < 2)
        if near.size:
            fluxes[i] = table["flux"][near[0]]
    return fluxes


def ranks(values):
    order = numpy.argsort(values, kind="stable")
    rank = numpy.empty(len(values))
    rank[order] = numpy.arange(len(values))
    return rank


def weight_ranks(run_dir, night):
    """Spearman correlation over frames of a tile's weights with the true FWHM at its centre: median by kind."""
    with fits.open(run_dir / "tile_metrics.fits") as hdus:
        weights = hdus["WEIGHT"].data[0]
    tiles = json.loads((run_dir / "grid.json").read_text())
    found = {"STAR": [], "STRUCTURE": []}
    for tile, weight in zip(tiles["tiles"], weights):
        x, y = tile["x0"] + tile["w"] / 2, tile["y0"] + tile["h"] / 2
        fwhm = true_fwhm(night, x, y, (tiles["image_width"], tiles["image_height"]))
        found[tile["kind"]].append(numpy.corrcoef(ranks(weight), ranks(fwhm))[0, 1])
    return {f"rank_{kind.lower()}": float(numpy.median(values)) if values else numpy.nan
            for kind, values in found.items()}


def true_fwhm(night, x, y, size):
    """FWHM of every frame at a place, between the cells of psf_field.fits."""
    with fits.open(night / "psf_field.fits") as hdus:
        field = hdus[0].data
    _, rows, columns = field.shape
    u = numpy.clip((x + 0.5) * columns / size[0] - 0.5, 0, columns - 1.001)
    v = numpy.clip((y + 0.5) * rows / size[1] - 0.5, 0, rows - 1.001)
    i, j, a, b = int(u), int(v), u % 1, v % 1
    return ((1 - b) * ((1 - a) * field[:, j, i] + a * field[:, j, i + 1])
            + b * ((1 - a) * field[:, j + 1, i] + a * field[:, j + 1, i + 1]))


def frame_table(night):
    """Columns of frames.csv as arrays of numbers; first: the frame."""
    with open(night / "frames.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    return {key: numpy.array([float(row[key]) for row in rows]) for key in rows[0]
            if key not in ("path", "guiding")}
