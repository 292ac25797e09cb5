#!/usr/bin/python3
"""Measures the products of a run, and other pictures of the same frames, on the same stars.

Usage: scripts/quality/measure.py RUN_DIR [OTHER.fits | NAME=OTHER.fits | RUN_DIR | NAME=RUN_DIR]...

The first run's classical.fits (plain mean) is what everything is compared with; of a further run only the final
image is taken. Prints a Markdown table; docs/quality.md explains the columns. Needs python3-numpy,
python3-astropy and python3-sep (scripts/install-deps.sh --tests).
"""
import hashlib
import json
import pathlib
import sys

import numpy

from images import background_rms, grow, read_image, robust_sd, subtract_sky, without_bend
from seams import seam_figures
from sky_steps import sky_figures
from stars import (aperture_fluxes, box_radius, count_detections, filtered_fluxes, find_stars, fit_gaussians,
                   matched_filter)

COLUMNS = (("fwhm", "FWHM px", "{:.3f}"), ("fwhm_change", "change %", "{:+.1f}"), ("fwhm_p90", "p90 px", "{:.3f}"),
           ("rms", "rms", "{:.4g}"), ("rms_ratio", "rms ratio", "{:.3f}"), ("noise", "noise", "{:.3f}"), ("snr_ratio", "star SNR", "{:.3f}"),
           ("detections", "5 sigma", "{:d}"), ("pits", "pits", "{:d}"), ("scatter", "scatter %", "{:.2f}"),
           ("bright", "bright %", "{:+.2f}"), ("slope", "slope %/mag", "{:+.2f}"), ("fold", "seam", "{:.4f}"),
           ("step", "tile step", "{:.3f}"),
           ("level", "level", "{:.3f}"), ("border", "border", "{:.3f}"), ("session", "session", "{:.3f}"),
           ("around", "at stars", "{:.3f}"), ("ellipticity", "ell.", "{:.3f}"), ("seconds", "time s", "{:.0f}"))


WIDE_FWHM, WIDE_RING_FWHM = 4.0, (5.0, 7.0)
FEWEST_STARS = 3


class Field:
    """What all rows share: the plain mean, the area that all frames cover, stars, masks, grid.

    `model`: of a simulated night the scene without noise, subtracted at the picture's flux before its sky is measured.
    `sky_degree`: of the polynomial that its moonlight needs, taken away there too; 0: none.
    """

    def __init__(self, classical, coverage, grid, model=None, sky_degree=0, saturation=numpy.inf):
        self.classical, self.grid, self.model, self.sky_degree = classical, grid, model, sky_degree
        self.coverage = numpy.nan_to_num(coverage)
        self.outside = ~((coverage >= numpy.nanmax(coverage)) & numpy.isfinite(classical))
        self.stars, self.mask = find_stars(classical, self.outside, saturation)
        self.sky_mask = grow(self.mask, int(numpy.ceil(self.stars.fwhm_px)))
        self.wide_flux = self.wide_fluxes(classical)
        self.model_flux = None if model is None else aperture_fluxes(model, self.mask, self.stars)
        self.fwhm = fwhm_of(classical, self.stars)["fwhm"]
        empty = self.without_model(classical, self.stars.flux)
        self.rms = background_rms(empty, self.sky_mask)
        self.snr = self.star_snr(classical, empty, self.fwhm)[0]

    @staticmethod
    def of_run(run_dir, model=None, sky_degree=0):
        run_dir = find_run(run_dir)
        grid = json.loads((run_dir / "grid.json").read_text())
        return Field(read_image(run_dir / "classical.fits"), read_image(run_dir / "classical.coverage.fits"),
                     {"size": grid["tile_size"], "step": grid["step"]}, model, sky_degree)

    def sky_of(self, image):
        """Pixels of sky: of a simulated night wherever there is a picture and no object, else where all frames are."""
        if self.model is None:
            return ~self.sky_mask
        objects = subtract_sky(self.model, None, ~numpy.isfinite(image), self.stars.fwhm_px)
        return numpy.isfinite(image) & (objects < 0.5 * self.rms)

    def wide_fluxes(self, image):
        """Fluxes that hold all of a star, sharp or not."""
        return aperture_fluxes(image, self.mask, self.stars, WIDE_FWHM, WIDE_RING_FWHM)

    def flux_ratio(self, image):
        """Median over the brighter half of the stars of the flux over the plain mean's; 1 for fewer than 3 stars."""
        bright = numpy.argsort(-self.stars.flux)[:max(5, (len(self.stars) + 1) // 2)]
        ratio = (self.wide_fluxes(image) / self.wide_flux)[bright]
        ratio = ratio[numpy.isfinite(ratio) & (ratio > 0)]
        return float(numpy.median(ratio)) if len(ratio) >= FEWEST_STARS else 1.0

    def without_model(self, image, flux):
        """`image`, whose star fluxes are `flux`, without the known scene."""
        if self.model is None:
            return image
        empty = image - numpy.nanmedian(flux / self.model_flux) * self.model
        return without_bend(numpy.nan_to_num(empty), ~self.sky_mask, self.sky_degree) if self.sky_degree else empty

    def star_snr(self, image, empty, fwhm_px):
        """(SNR of each star, filtered picture over its own scatter) with a filter of this product's FWHM."""
        fwhm_px = fwhm_px if numpy.isfinite(fwhm_px) else self.stars.fwhm_px
        flux, scatter = matched_filter(image, self.mask, self.outside, fwhm_px)
        noise = scatter if empty is image else matched_filter(empty, self.mask, self.outside, fwhm_px)[1]
        return filtered_fluxes(image, self.mask, self.outside, fwhm_px, self.stars) / noise, flux / scatter


def fwhm_of(image, stars):
    shape = fit_gaussians(image, stars.x, stars.y, box_radius(stars.fwhm_px))
    good = shape["good"]
    if not good.any():
        return dict.fromkeys(("fwhm", "fwhm_p90", "ellipticity"), numpy.nan)
    return {"fwhm": float(numpy.median(shape["fwhm"][good])),
            "fwhm_p90": float(numpy.percentile(shape["fwhm"][good], 90)),
            "ellipticity": float(numpy.median(shape["ellipticity"][good]))}


def measure(image, field, seconds=None, own_mean=None):
    """`own_mean`: the plain mean of the same frames with the picture's own factors, where there is one. One row of the table as a dict of the names in COLUMNS, plus stars and flux_ratio."""
    row = fwhm_of(image, field.stars)
    row["fwhm_change"] = 100 * (row["fwhm"] / field.fwhm - 1)
    flux = aperture_fluxes(image, field.mask, field.stars)
    row.update(flux_figures(flux, field.stars))
    row["flux_ratio"] = field.flux_ratio(image)
    empty = field.without_model(image, flux)
    row["rms"] = background_rms(empty, field.sky_mask) / row["flux_ratio"]
    row["rms_ratio"] = row["rms"] / field.rms
    snr, significance = field.star_snr(image, empty, row["fwhm"])
    row["snr_ratio"] = float(numpy.median(snr / field.snr)) if len(snr) else numpy.nan
    row["detections"], row["pits"] = count_detections(significance, field.outside)
    equal = image / row["flux_ratio"]
    row.update(seam_figures(equal - field.classical, field.mask, row["rms"], field.grid))
    difference = equal - field.classical if own_mean is None else (image - own_mean) / row["flux_ratio"]
    difference = numpy.where(numpy.isfinite(difference), difference, 0)
    scene_free = difference if field.model is None else numpy.nan_to_num(empty / row["flux_ratio"])
    row.update(sky_figures(scene_free, difference, field.sky_of(image), field.coverage, row["rms"], field.grid["size"]))
    row["stars"], row["seconds"] = len(field.stars), seconds
    return row


def flux_figures(flux, stars):
    """Ratios to the plain mean's fluxes: robust scatter, bright tenth against all, slope over magnitude."""
    ratio = flux / stars.flux
    known = numpy.isfinite(ratio)
    if known.sum() < FEWEST_STARS:
        return dict.fromkeys(("scatter", "bright", "slope"), numpy.nan)
    ratio, reference = ratio[known], stars.flux[known]
    middle = float(numpy.median(ratio))
    order = numpy.argsort(-reference)
    bright = ratio[order[:max(5, len(order) // 10)]]
    magnitude = -2.5 * numpy.log10(reference)
    near = abs(ratio / middle - 1) < 3 * max(robust_sd(ratio) / middle, 1e-6)
    slope = numpy.polyfit(magnitude[near], ratio[near] / middle, 1, w=numpy.sqrt(reference[near]))[0]
    return {"scatter": 100 * robust_sd(ratio) / middle,
            "bright": 100 * (float(numpy.median(bright)) / middle - 1), "slope": 100 * float(slope)}


def digest_name(path):
    """Short digest of a picture and of the code that measures it."""
    sources = [pathlib.Path(__file__).with_name(name) for name in ("images.py", "measure.py", "seams.py", "sky_steps.py", "stars.py")]
    parts = [pathlib.Path(path).read_bytes(), *(source.read_bytes() for source in sources)]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:12]


def find_run(path):
    """`path` itself when it is a run directory, else the only one below it."""
    path = pathlib.Path(path)
    runs = [path] if (path / "run.json").exists() else sorted(
        p.parent for p in path.glob("*/run.json") if not p.parent.is_symlink())
    if len(runs) != 1:
        sys.exit(f"measure: {path}: {len(runs)} run directories found, expected one")
    return runs[0]


def products(run_dir):
    """[(name, path)] of the pictures of a run."""
    run_dir = find_run(run_dir)
    found = [(name, run_dir / f"{name}.fits") for name in ("classical", "reconstruction")]
    if (run_dir / "synthetic").is_dir():
        found.append(("stack", run_dir / "stacked.fit"))
    return found


def markdown(rows, columns=COLUMNS):
    """Table of [(name, row)]."""
    lines = ["| product | " + " | ".join(title for _, title, _ in columns) + " |",
             "|---|" + "---|" * len(columns)]
    for name, row in rows:
        cells = ["-" if row.get(key) is None or row[key] != row[key] else text.format(row[key])
                 for key, _, text in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main(run_dir, *others):
    field = Field.of_run(run_dir)
    pictures = products(run_dir)
    for other in others:
        name, _, path = other.rpartition("=")
        if pathlib.Path(path).is_dir():
            path = products(path)[-1][1]
        pictures.append((name or pathlib.Path(path).name, path))
    print(f"{len(field.stars)} stars, {int((~field.outside).sum())} px covered by all frames\n")
    print(markdown([(name, measure(read_image(path), field)) for name, path in pictures]))


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
