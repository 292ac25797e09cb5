#!/usr/bin/python3
"""What a run makes of the faults of a simulated night: noise around bright stars, shadows of dust, trailed frames.

Usage: scripts/quality/faults.py RUN_DIR NIGHT_DIR
"""
import csv
import pathlib
import sys

import numpy
from astropy.io import fits

from images import convolve, gaussian_kernel, read_image, robust_sd
from truth import frame_table

ORDINARY_FLUX = 3e4  # of the brightest stars without halo
RINGS = ((1, 2), (2, 3), (3, 4), (4, 6))  # around bright stars, FWHM


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def noise_around(picture, stars, fwhm_px):
    """Noise in rings around `stars` [(x, y)] over that of the sky: roots of medians of the variance map."""
    variance = read_image(picture.with_suffix(".variance.fits"))
    v, u = numpy.indices(variance.shape)
    distance = numpy.full(variance.shape, numpy.inf)
    for x, y in stars:
        distance = numpy.minimum(distance, numpy.hypot(u - x, v - y))
    distance /= fwhm_px
    sky = numpy.nanmedian(variance)
    return [float(numpy.sqrt(numpy.nanmedian(variance[(distance >= low) & (distance < high)]) / sky))
            for low, high in RINGS]


def noise_at_stars(picture, field):
    """The larger of the noises 2 to 3 and 3 to 4 FWHM from the 16 brightest stars of the field, over the sky's; None
    without a variance map."""
    if not picture.with_suffix(".variance.fits").exists():
        return None
    brightest = numpy.argsort(-field.stars.flux)[:16]
    stars = list(zip(field.stars.x[brightest], field.stars.y[brightest]))
    return max(noise_around(picture, stars, field.stars.fwhm_px)[1:3])


def shadow_row(picture, plain, night, outside):
    """Median depth of the shadows of dust over that in the plain mean (trails that it holds do not count): median over the
    shadows, and its error; their least N_eff over that around."""
    if not (night / "dust.csv").exists():
        return {}
    found, of_plain = (shadow_figures(path, night, outside) for path in (picture, plain))
    ratios = numpy.array([a["middle"] / b["middle"] for a, b in zip(found, of_plain)])
    return {"shadow": float(numpy.median(ratios)),
            "shadow_error": 1.2533 * float(robust_sd(ratios)) / len(ratios) ** 0.5,
            "shadow_neff": min(shadow["neff"] for shadow in found)}


def shadow_model(night, shape):
    """Mean over frames of what the dust takes from a sky of 1, per pixel, and one such map a shadow."""
    frames, shadows = frame_table(night), rows_of(night / "dust.csv")
    v, u = numpy.indices(shape)
    maps = []
    for shadow in shadows:
        x, y, radius, depth = (float(shadow[key]) for key in ("x", "y", "radius_px", "depth"))
        sum_ = numpy.zeros(shape)
        for dx, dy in zip(frames["dx"], frames["dy"]):
            r = numpy.hypot(u - x - dx, v - y - dy)
            edge = numpy.clip((radius + 2 - r) / 4, 0, 1)
            sum_ += depth * (0.6 + 0.4 * numpy.minimum(1, (r / radius) ** 2)) * edge * edge * (3 - 2 * edge)
        maps.append(sum_ / len(frames["dx"]))
    return maps


def shadow_figures(picture, night, outside, scale=1.0):
    """[{"expected", "depth", "middle", "neff"}] a shadow: deepest expected ADU, deepest and median of picture - scale *
    scene after smoothing with 2 px, least N_eff there over that around."""
    image, neff = read_image(picture), picture.with_suffix(".neff.fits")
    neff = read_image(neff) if neff.exists() else numpy.full(image.shape, numpy.nan)
    rest = image - scale * read_image(night / "truth.fits")
    rest = numpy.where(outside, 0, rest - numpy.median(rest[~outside]))
    smooth = convolve(rest, gaussian_kernel(2 * 2.3548))
    maps = shadow_model(night, image.shape)
    any_ = sum(maps)
    sky = float(numpy.median(frame_table(night)["sky"]))
    figures = []
    v, u = numpy.indices(image.shape)
    fwhm = float(numpy.median(frame_table(night)["fwhm_px"]))
    outside = outside.copy()  # stars differ for other reasons
    for row in rows_of(night / "catalogue.csv"):  # the wings of saturated stars reach far
        reach = 4 * fwhm * max(1, float(row["flux"]) / ORDINARY_FLUX) ** 0.25
        outside |= numpy.hypot(u - float(row["x"]), v - float(row["y"])) < reach
    for model in maps:
        core = (model > 0.5 * model.max()) & ~outside & (any_ < 1.05 * model)
        around = (model < 0.02 * model.max()) & ~outside & (any_ < 0.02 * model.max())
        near = convolve((model > 0.5 * model.max()).astype(float), numpy.ones((41, 41))) > 0.5
        around &= near
        if core.sum() < 0.3 * (model > 0.5 * model.max()).sum() or around.sum() < 50:
            continue
        level = numpy.median(smooth[around])
        figures.append({"expected": -sky * float(model.max()), "depth": float(smooth[core].min() - level),
                        "middle": float(numpy.median(smooth[core]) - level),
                        "neff": float(numpy.percentile(neff[core], 5) / numpy.median(neff[around]))})
    return figures


def guiding_weights(run_dir, night):
    """(power n of the FWHM that the weights of round frames follow, [(kind, least broadening, frames, median of their
    weight, median of (FWHM broadening)^-n)]), both over that of round frames."""
    frames = rows_of(night / "frames.csv")
    with fits.open(run_dir / "tile_metrics.fits") as hdus:
        weight = numpy.median(hdus["WEIGHT"].data[0], axis=0)
    kinds = numpy.array([row["guiding"] for row in frames])
    wide = numpy.array([float(row["fwhm_px"]) * float(row["broadening"]) for row in frames])
    round_ = kinds == "round"
    power = -numpy.polyfit(numpy.log(wide[round_]), numpy.log(weight[round_]), 1)[0]
    expected = wide ** -power
    result = []
    for kind in ("round", "trailed", "doubled"):
        for low, high in ((1.0, 1.2), (1.2, 1.4), (1.4, 9)):
            broad = numpy.array([float(row["broadening"]) for row in frames])
            chosen = (kinds == kind) & (broad >= low) & (broad < high)
            if chosen.any():
                result.append((kind, low, int(chosen.sum()),
                               float(numpy.median(weight[chosen]) / numpy.median(weight[round_])),
                               float(numpy.median(expected[chosen]) / numpy.median(expected[round_]))))
    return power, result


def main(run_dir, night):
    run_dir, night = pathlib.Path(run_dir), pathlib.Path(night)
    stars = [(float(row["x"]), float(row["y"])) for row in rows_of(night / "catalogue.csv")[:16]]  # brightest first
    coverage = read_image(run_dir / "classical.coverage.fits")
    outside = coverage < numpy.nanmax(coverage)
    fwhm = float(numpy.median(frame_table(night)["fwhm_px"]))
    for name in ("classical.fits", "reconstruction.fits"):
        rings = ", ".join(f"{low} to {high} FWHM {ratio:.3f}" for (low, high), ratio in
                          zip(RINGS, noise_around(run_dir / name, stars, fwhm)))
        print(f"{name}: noise around bright stars over that of the sky: {rings}")
        if (night / "dust.csv").exists():
            for shadow in shadow_figures(run_dir / name, night, outside):
                print("  shadow: " + ", ".join(f"{key} {value:.2f}" for key, value in shadow.items()))
    power, kinds = guiding_weights(run_dir, night)
    print(f"weights of round frames go by FWHM^-{power:.1f}")
    for kind, low, count, weight, expected in kinds:
        print(f"{count} {kind} frames, broadened by {low} and more: weight {weight:.2f}, matched filter {expected:.2f}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
