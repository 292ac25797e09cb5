#!/usr/bin/python3
"""Drizzle against interpolation on a simulated raw night of a colour sensor, measured against the truth.

Usage: scripts/quality/drizzle.py PROGRAM DIR MODES [OPTIONS OF simulate --raw...]
MODES: comma-separated drop fractions, and `interpolate`; DIR: new folder for frames and results. Prints a Markdown
table, a row a mode, of the picture in `stacked.fit`: FWHM of red, green and blue, fringe (median distance in px of a
star's centre in red and blue), noise of a pixel of green and red and of their matched filters at equal star flux, flux
scatter of green against the truth, CPU seconds, and moire: stripes of 2.5 px of the frames, grey, are added to every
light in a patch of the sky; the rms of red less green there, at equal mean, over that of the stripes in green.
Needs python3-numpy, python3-astropy and python3-sep.
"""
import pathlib
import subprocess
import sys

import numpy
from astropy.io import fits

from images import background_rms, grow, robust_sd
from raw import matched, timed, truth_of
from stars import aperture_fluxes, box_radius, find_stars, fit_gaussians, matched_filter

STRIPES_PX, PATCH = 2.5, slice(-90, -30)
STRIPES_ADU = 400.0


def add_stripes(night, places):
    """Grey stripes in the lower right corner of the first frame's sky, as every frame shows them."""
    first = {int(row[0]): row[1:] for row in places[1]}
    for frame, rows in places.items():
        both = [(row[1:], first[int(row[0])]) for row in rows if int(row[0]) in first]
        here, there = (numpy.array(p) for p in zip(*both))
        fit = numpy.linalg.lstsq(numpy.column_stack([here, numpy.ones(len(here))]), there, rcond=None)[0]
        path = night / "lights" / f"light_{frame:04d}.fits"
        with fits.open(path, mode="update") as hdus:
            y, x = numpy.indices(hdus[0].data.shape)
            u, v = (fit[0, k] * x + fit[1, k] * y + fit[2, k] for k in (0, 1))
            height, width = hdus[0].data.shape
            patch = (u > width - 100) & (u < width - 20) & (v > height - 100) & (v < height - 20)
            wave = 1 + numpy.cos(2 * numpy.pi * (0.8 * u + 0.6 * v) / STRIPES_PX)
            hdus[0].data = numpy.where(patch, hdus[0].data + STRIPES_ADU * wave, hdus[0].data).round().astype(numpy.uint16)


def moire(planes):
    red, green = (planes[c][PATCH, PATCH] for c in (0, 1))
    difference = red - red.mean() - (green - green.mean())
    return difference.std() / (STRIPES_ADU / numpy.sqrt(2))


def measure(path, flux, places):
    with fits.open(path) as hdus:
        planes = hdus[0].data.astype(numpy.float64)
    outside = grow(~numpy.isfinite(planes).all(axis=0) | (planes[1] == 0), 3)
    outside[-110:, -110:] = True
    planes = numpy.where(numpy.isfinite(planes), planes, 0)
    stars, mask = find_stars(numpy.where(outside, 0, planes[1]), outside, 0.9 * planes[1].max())
    ids = matched(stars, places, planes[1].shape)
    true = numpy.array([flux.get(i, numpy.nan) for i in ids])
    row, fit = {}, []
    for c, name in enumerate("RGB"):
        fit.append(fit_gaussians(planes[c], stars.x, stars.y, box_radius(stars.fwhm_px)))
        row["fwhm " + name] = float(numpy.median(fit[c]["fwhm"][fit[c]["good"]]))
        if name == "B":
            continue
        fluxes = aperture_fluxes(planes[c], mask, stars)
        use = (ids > 0) & numpy.isfinite(fluxes) & (fluxes > 0)
        scale = numpy.median(fluxes[use] / true[use])
        row["pixel " + name] = background_rms(planes[c], grow(mask, int(numpy.ceil(stars.fwhm_px)))) / scale
        row["filter " + name] = matched_filter(planes[c], mask, outside, row["fwhm " + name])[1] / scale
        if name == "G":
            bright = use & (true > numpy.nanmedian(true[use]))
            row["scatter"] = 100 * robust_sd(fluxes[bright] / true[bright] / scale)
    good = fit[0]["good"] & fit[2]["good"] & (true > numpy.nanmedian(true))
    row["fringe"] = float(numpy.median(numpy.hypot(fit[0]["x"] - fit[2]["x"], fit[0]["y"] - fit[2]["y"])[good]))
    row["moire"] = moire(planes)
    return row


def main():
    if len(sys.argv) < 4 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    night = folder / "night"
    subprocess.run([program, "simulate", str(night), "--raw", "--quiet", *sys.argv[4:]], check=True)
    flux, places = truth_of(night)
    add_stripes(night, places)
    columns = ["fwhm R", "fwhm G", "fwhm B", "fringe", "pixel R", "pixel G", "filter R", "filter G", "scatter", "moire"]
    print("| mode | FWHM R | G | B | fringe px | pixel R | G | filter R | G | scatter % | moire | CPU s |")
    print("|" + "---|" * (len(columns) + 2))
    for mode in sys.argv[3].split(","):
        how = ["debayer=interpolate"] if mode == "interpolate" else ["debayer=drizzle", f"drop_fraction={mode}"]
        out = folder / f"out_{mode}"
        done, seconds = timed([program, "run", str(night / "raw.yaml"), "--output", str(out), "--quiet", "--set",
                               "data.frames_min=3",
                               *(word for key in how for word in ("--set", "registration." + key))])
        if done.returncode not in (0, 3):
            print(f"| {mode} | {done.stderr.strip()[-400:]} |")
            continue
        row = measure((out / "latest").resolve() / "stacked.fit", flux, places)
        print(f"| {mode} | " + " | ".join(f"{row[c]:.3g}" for c in columns) + f" | {seconds[1]:.1f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
