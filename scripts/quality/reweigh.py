"""The reconstruction once more in numpy, from a run's own weights and factors: to change weights and see."""
import csv
import json

import numpy


def normalised(stack, run_dir):
    """I' of every frame in units of the input, as the run made it."""
    with open(run_dir / "frame_metrics.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["channel"] == "0"]
    background, scale = (numpy.array([float(row[key]) for row in rows])[:, None, None]
                         for key in ("background", "flux_scale"))
    level = float(numpy.median(background))
    mode = json.loads((run_dir / "config.json").read_text())["normalization"]["mode"]
    if mode == "photometric":
        return ((stack - background) / scale + level).astype(numpy.float32)
    return (stack / background * level).astype(numpy.float32)


def hann(size, first, last):
    """Window of a tile; the outer half is 1 on a side at the image's edge."""
    window = 0.5 * (1 - numpy.cos(2 * numpy.pi * (numpy.arange(size) + 0.5) / size))
    if first:
        window[:size // 2] = 1
    if last:
        window[size // 2:] = 1
    return window


def reconstruct(frames, weights, grid):
    """Weighted mean of `frames` in each tile with `weights` (tiles, frames), joined with Hann windows."""
    height, width = frames.shape[1:]
    total, windows = numpy.zeros((height, width)), numpy.zeros((height, width))
    for tile, weight in zip(grid["tiles"], weights):
        box = (slice(tile["y0"], tile["y0"] + tile["h"]), slice(tile["x0"], tile["x0"] + tile["w"]))
        part = frames[(slice(None), *box)]
        valid = numpy.isfinite(part)
        weight = weight.astype(numpy.float32)
        with numpy.errstate(invalid="ignore", divide="ignore"):
            mean = (numpy.tensordot(weight, numpy.where(valid, part, 0), 1)
                    / numpy.tensordot(weight, valid.astype(numpy.float32), 1))
        window = numpy.outer(hann(tile["h"], tile["y0"] == 0, tile["y0"] + tile["h"] == height),
                             hann(tile["w"], tile["x0"] == 0, tile["x0"] + tile["w"] == width))
        finite = numpy.isfinite(mean)
        total[box] += numpy.where(finite, mean, 0) * window
        windows[box] += finite * window
    with numpy.errstate(invalid="ignore", divide="ignore"):
        return total / windows
