#!/usr/bin/python3
"""A simulated raw night through `tilecompile run FOLDER` and through Siril 1.0.6, measured against the truth.

Usage: scripts/quality/raw.py PROGRAM DIR [OPTIONS OF simulate --raw...]
DIR: new folder for frames and results. Siril does what its script Mono_Preprocessing (OSC_Preprocessing with --cfa)
does, with winsorized clipping: masters, calibration, registration onto the first light, stack. Prints a Markdown table:
FWHM (median of Gaussian fits), noise of a pixel of the sky and of the matched filter (the flux of the faintest star is so
many times it) at equal star flux, scatter (of the brighter half) and slope of star
fluxes against the truth, seconds and CPU seconds, and bytes on
disk beside the input and the picture. Needs python3-numpy, python3-astropy, python3-sep and siril-cli.
"""
import csv
import os
import pathlib
import re
import subprocess
import sys
import time

import numpy

from images import background_rms, grow, read_image, robust_sd
from stars import aperture_fluxes, box_radius, find_stars, fit_gaussians, matched_filter

MATCH_PX, LEAST_MATCHED = 1.5, 0.5

SIRIL = """requires 1.0.0
setext fits
cd biases
convert bias -out=../process
cd ../process
stack bias rej 3 3 -nonorm -out=../bias_stacked
cd ../flats
convert flat -out=../process
cd ../process
preprocess flat -bias=../bias_stacked
stack pp_flat rej 3 3 -norm=mul -out=../pp_flat_stacked
cd ../darks
convert dark -out=../process
cd ../process
stack dark rej 3 3 -nonorm -out=../dark_stacked
cd ../lights
convert light -out=../process
cd ../process
preprocess light -dark=../dark_stacked -flat=../pp_flat_stacked -cc=dark{colour}
register pp_light
stack r_pp_light rej w 3 3 -norm=addscale -out=../result
"""


def timed(arguments, **options):
    """What the program said, seconds, CPU seconds."""
    before, began = os.times(), time.monotonic()
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, **options)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return done, (time.monotonic() - began, cpu)


def bytes_below(folder):
    return sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file() and not f.is_symlink())


def run_ours(program, night, out):
    done, seconds = timed([program, "run", str(night), "--output", str(out), "--quiet"])
    if done.returncode not in (0, 3):
        raise RuntimeError(f"tilecompile ended with {done.returncode}:\n{done.stderr}")
    run = (out / "latest").resolve()
    masters = out / "masters"
    return run, seconds, (bytes_below(run / "calibration") + bytes_below(masters)) if masters.exists() else 0


def run_siril(night, work, cfa):
    work.mkdir()
    for kind in ("lights", "darks", "flats", "biases"):
        (work / kind).mkdir()
        for frame in sorted((night / kind).iterdir()):
            os.link(frame, work / kind / frame.name)
    before = bytes_below(work)
    (work / "night.ssf").write_text(SIRIL.format(colour=" -cfa -equalize_cfa -debayer" if cfa else ""))
    done, seconds = timed(["siril-cli", "-d", str(work), "-s", str(work / "night.ssf")],
                          env={"HOME": str(work), "PATH": "/usr/bin:/bin", "LC_ALL": "C"})
    if not (work / "result.fits").exists():
        raise RuntimeError(f"siril-cli wrote no picture:\n{done.stdout[-3000:]}{done.stderr[-2000:]}")
    registered = len(list((work / "process").glob("r_pp_light_*.fits")))
    return work / "result.fits", seconds, bytes_below(work) - before, registered


def truth_of(night):
    """{id: flux} and {frame: (ids, x, y)}: places of the stars on every raw frame."""
    with open(night / "truth/stars.csv", encoding="ascii") as file:
        flux = {int(row["id"]): float(row["flux"]) for row in csv.DictReader(file)}
    places = {}
    with open(night / "truth/positions.csv", encoding="ascii") as file:
        for row in csv.DictReader(file):
            places.setdefault(int(row["frame"]), []).append((int(row["id"]), float(row["x"]), float(row["y"])))
    return flux, {frame: numpy.array(rows) for frame, rows in places.items()}


def matched(stars, places, shape):
    """Ids of the stars of a picture whose grid is that of some raw frame, read from below or above; 0: none."""
    best = numpy.zeros(len(stars), int)
    for rows in places.values():
        for flipped in (False, True):
            y = shape[0] - 1 - rows[:, 2] if flipped else rows[:, 2]
            apart = numpy.hypot(stars.x[:, None] - rows[:, 1], stars.y[:, None] - y)
            nearest = apart.argmin(axis=1)
            ids = numpy.where(apart.min(axis=1) < MATCH_PX, rows[nearest, 0].astype(int), 0)
            if (ids > 0).sum() > (best > 0).sum():
                best = ids
    if (best > 0).sum() < LEAST_MATCHED * len(stars):
        raise RuntimeError(f"only {(best > 0).sum()} of {len(stars)} stars are those of the truth")
    return best


def measure(path, flux, places):
    image = read_image(path)
    outside = ~numpy.isfinite(image) | (image == 0)
    image = numpy.where(outside, 0, image)
    outside = grow(outside, 3)
    stars, mask = find_stars(image, outside, 0.9 * image.max())
    ids = matched(stars, places, image.shape)
    known = ids > 0
    fluxes = aperture_fluxes(image, mask, stars)
    true = numpy.array([flux.get(i, numpy.nan) for i in ids])
    use = known & numpy.isfinite(fluxes) & (fluxes > 0)
    ratio = fluxes[use] / true[use]
    scale = numpy.median(ratio)
    slope = numpy.polyfit(-2.5 * numpy.log10(true[use]), 100 * (ratio / scale - 1), 1)[0]
    fit = fit_gaussians(image, stars.x, stars.y, box_radius(stars.fwhm_px))
    noise = background_rms(image, grow(mask, int(numpy.ceil(stars.fwhm_px)))) / scale
    fwhm = float(numpy.median(fit["fwhm"][fit["good"]]))
    filtered = matched_filter(image, mask, outside, fwhm)[1] / scale
    bright = use & (true > numpy.nanmedian(true[use]))
    ratio = fluxes[bright] / true[bright] / scale
    return {"stars": int(use.sum()), "fwhm": fwhm, "noise": noise, "filtered": filtered,
            "scatter": 100 * robust_sd(ratio), "slope": slope}


def main():
    if len(sys.argv) < 3 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    night = folder / "night"
    subprocess.run([program, "simulate", str(night), "--raw", "--quiet", *sys.argv[3:]], check=True)
    flux, places = truth_of(night)
    run, seconds, disk = run_ours(program, night, folder / "out")
    frames = len(list((night / "lights").iterdir()))
    record = (run / "run.json").read_text()
    rows = [("plain mean of ours", run / "classical.fits", None, None, None),
            ("ours", run / "stacked.fit", seconds, disk, frames - len(re.findall(r'"reason"', record)))]
    picture, siril_seconds, siril_disk, registered = run_siril(night, folder / "siril", "--cfa" in sys.argv)
    rows.append(("Siril 1.0.6", picture, siril_seconds, siril_disk, registered))
    print("| picture | frames | stars | FWHM px | noise of a pixel | of the matched filter | flux scatter % | slope %/mag "
          "| time s | CPU s | disk MB |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for name, path, took, used, count in rows:
        m = measure(path, flux, places)
        cells = [name, "" if count is None else str(count), str(m["stars"]), f"{m['fwhm']:.3f}", f"{m['noise']:.3f}",
                 f"{m['filtered']:.2f}", f"{m['scatter']:.2f}", f"{m['slope']:+.2f}",
                 *(("", "") if took is None else (f"{took[0]:.1f}", f"{took[1]:.1f}")),
                 "" if used is None else f"{used / 1e6:.0f}"]
        print("| " + " | ".join(cells) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
