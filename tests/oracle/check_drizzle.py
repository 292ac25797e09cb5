#!/usr/bin/python3
"""Recomputes a patch of the classical stack of a drizzled raw night from its raw frames, by clipping polygons.

Usage: check_drizzle.py RUN_DIRECTORY LIGHTS STORAGE
Photometric runs of 16-bit frames. Reads registration.json, frame_metrics.json, the raw lights and the masters in the
storage. Ends with 1 where the mean or the coverage differs.
"""
import json
import os
import sys

import numpy as np
from astropy.io import fits

from run_files import Report

LIMIT = 2e-6  # of the level: samples are rounded to float32 twice
PATCH = 12
LEAST_SHARE = 1 / 64
COLOURS = "RGB"


def place(t, x, y):
    """The place in the frame of a place of the reference."""
    p, q = (x - t["centre"][0]) / t["scale"], (y - t["centre"][1]) / t["scale"]
    terms = (1, p, q, p * p, p * q, q * q, p ** 3, p * p * q, p * q * q, q ** 3)
    below = 1 + t["below"][0] * p + t["below"][1] * q
    return tuple(sum(a * b for a, b in zip(t[axis], terms)) / below for axis in "uv")


def cut(polygon, axis, sign, limit):
    """What of a polygon has sign * coordinate <= limit."""
    left = []
    for a, b in zip(polygon, polygon[1:] + polygon[:1]):
        over_a, over_b = sign * a[axis] - limit, sign * b[axis] - limit
        if over_a <= 0:
            left.append(a)
        if (over_a <= 0) != (over_b <= 0):
            part = over_a / (over_a - over_b)
            left.append(tuple(a[k] + part * (b[k] - a[k]) for k in (0, 1)))
    return left


def area(polygon):
    return 0.5 * abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(polygon, polygon[1:] + polygon[:1])))


def overlap(polygon, x, y, drop):
    for axis, centre in ((0, x), (1, y)):
        polygon = cut(cut(polygon, axis, 1, centre + drop / 2), axis, -1, drop / 2 - centre)
    return area(polygon)


def read(path):
    with fits.open(path) as hdus:
        return np.array(next(hdu.data for hdu in hdus if hdu.data is not None), dtype=np.float64)


def calibrated(registration, frame, lights, storage):
    image = read(os.path.join(lights, frame["path"]))
    if frame["calibration"] < 0:
        return image
    masters = registration["calibrations"][frame["calibration"]]
    dark, flat = (read(os.path.join(storage, masters[kind]["ref"])) if masters[kind] else neutral
                  for kind, neutral in (("dark", 0.0), ("flat", 1.0)))
    return ((image - dark) / flat).astype(np.float32).astype(np.float64)


def drizzled_pixel(image, pattern, drop, t, grid, x, y):
    """[(sample, share)] of each colour, share 0 without a drop."""
    left, top = (grid[o] + n * grid["step"] - 0.5 for o, n in (("x0", x), ("y0", y)))
    step = grid["step"]
    pixel = [place(t, left, top), place(t, left + step, top), place(t, left + step, top + step),
             place(t, left, top + step)]
    whole = area(pixel)
    sums = np.zeros((len(COLOURS), 2))
    columns, rows = ([round(min(p[k] for p in pixel)) - 1, round(max(p[k] for p in pixel)) + 2] for k in (0, 1))
    for v in range(max(0, rows[0]), min(image.shape[0], rows[1])):
        for u in range(max(0, columns[0]), min(image.shape[1], columns[1])):
            a = overlap(pixel, u, v, drop)
            if np.isnan(image[v, u]) or a <= 0:
                continue
            sums[COLOURS.index(pattern[2 * (v % 2) + u % 2])] += (a, a * image[v, u])
    return [(light / a * whole, min(1.0, a / whole)) if a / whole >= LEAST_SHARE else (0.0, 0.0) for a, light in sums]


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    directory, lights, storage = sys.argv[1:]
    with open(os.path.join(directory, "registration.json"), encoding="utf-8") as file:
        registration = json.load(file)
    with open(os.path.join(directory, "frame_metrics.json"), encoding="utf-8") as file:
        metrics = json.load(file)
    with open(os.path.join(directory, "manifest.json"), encoding="utf-8") as file:
        paths = [f["path"] for f in json.load(file)["frames"]]
    frames = {f["path"]: f for f in registration["frames"]}
    images = [calibrated(registration, frames[p], lights, storage) for p in paths]
    found, coverage = (read(os.path.join(directory, name)) for name in ("classical.fits", "classical.coverage.fits"))
    grid, report = registration["grid"], Report()
    for x0, y0 in ((grid["width"] // 2, grid["height"] // 2), (0, 0), (grid["width"] - PATCH, grid["height"] // 3)):
        sums = np.zeros((len(COLOURS), PATCH, PATCH, 3))
        for f, (path, image) in enumerate(zip(paths, images)):
            for j in range(PATCH):
                for i in range(PATCH):
                    pixel = drizzled_pixel(image, registration["cfa_pattern"], registration["drop_px"],
                                           frames[path]["transform"], grid, x0 + i, y0 + j)
                    for c, (sample, share) in enumerate(pixel):
                        if share == 0:
                            continue
                        of = metrics["channels"][c][f]
                        value = (sample - of["background"]) / of["flux_scale"] + metrics["sky"][c]
                        sums[c, j, i] += (share * value, share, 1)
        here = (slice(None), slice(y0, y0 + PATCH), slice(x0, x0 + PATCH))
        with np.errstate(invalid="ignore"):
            report.close("mean at (%d, %d)" % (x0, y0), found[here], sums[..., 0] / sums[..., 1], limit=LIMIT)
        report.equal("coverage", coverage[here].ravel(), sums[..., 2].ravel())
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
