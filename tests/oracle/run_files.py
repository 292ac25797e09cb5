"""The files of a run directory, and the report of a comparison with them."""
import csv
import json
import os

import numpy as np
from astropy.io import fits

LIMIT = 1e-6
Z_FLOOR = 1e-3       # of z-scores and Q, which lie around 0
MOST_FITS = 1200     # of single stars, in one check


def evenly(items, most):
    """At most `most` of the items, spread over all."""
    return [items[i * len(items) // most] for i in range(most)] if len(items) > most else list(items)


class Report:
    def __init__(self):
        self.failed = False

    def line(self, name, text, ok):
        self.failed = self.failed or not ok
        print("%-36s %s  %s" % (name, text, "ok" if ok else "FAIL"))

    def close(self, name, found, expected, floor=0.0, limit=LIMIT):
        """Largest relative deviation of two lists of numbers or of arrays."""
        found = np.asarray(found, dtype=np.float64)
        expected = np.asarray(expected, dtype=np.float64)
        if found.shape != expected.shape:
            self.line(name, "shape %s, expected %s" % (found.shape, expected.shape), False)
            return
        worst = largest_deviation(found.ravel(), expected.ravel(), floor)
        self.line(name, "%8d values  largest deviation %.2e" % (found.size, worst), worst <= limit)

    def equal(self, name, found, expected):
        wrong = sum(1 for a, b in zip(found, expected) if a != b) + abs(len(found) - len(expected))
        self.line(name, "%8d values  %d differ" % (len(expected), wrong), wrong == 0)


def largest_deviation(found, expected, floor):
    if len(expected) == 0:
        return 0.0
    if (np.isnan(found) != np.isnan(expected)).any():
        return float("inf")
    known = ~np.isnan(expected)
    difference = np.abs(found[known] - expected[known])
    size = np.maximum(np.abs(expected[known]), floor)
    deviation = np.where(difference == 0, 0.0, difference / np.where(size > 0, size, 1e-300))
    return float(deviation.max(initial=0.0))


class Run:
    """The files of a run directory."""

    def __init__(self, directory, config_path):
        self.directory = directory
        self.record = self.load_json("run.json")
        self.manifest = self.load_json("manifest.json")
        self.grid = self.load_json("grid.json")
        self.frame_metrics = self.load_json("frame_metrics.json")
        with open(config_path or self.path("config.json"), encoding="utf-8") as file:
            self.config = json.load(file)
        with open(self.path("frame_metrics.csv"), newline="", encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))
        self.width = self.manifest["frames"][0]["width"]
        self.height = self.manifest["frames"][0]["height"]
        self.channels = self.manifest["frames"][0]["channels"]
        with fits.open(self.path("tile_metrics.fits")) as hdus:
            self.quality = np.array(hdus["QUALITY"].data)
            self.weight = np.array(hdus["WEIGHT"].data)
            rows = hdus["TILES"].data
            self.table = {name: np.array(rows[name]) for name in rows.names}

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def load_json(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return json.load(file)

    def image(self, name, hdu=0):
        """Planes (channel, height, width)."""
        with fits.open(self.path(name)) as hdus:
            data = np.array(hdus[hdu].data)
        return data.reshape((-1,) + data.shape[-2:])

    def column(self, name, channel):
        return [float(r[name] or "nan") for r in self.rows if int(r["channel"]) == channel]

    def table_column(self, name, channel):
        """A column of the table TILES that holds one value a channel."""
        values = self.table[name]
        return values if values.ndim == 1 else values[:, channel]

    def output_scale(self, frames_of_channel):
        """Factor from I' to the units of the output [3]; photometric I' is in those of the input."""
        normalized = self.record["configuration"]["output"]["units"] == "normalized"
        if normalized != self.photometric():
            return 1.0
        sky = float(np.median([f["background"] for f in frames_of_channel]))
        return 1 / sky if normalized else sky

    def photometric(self):
        return self.config["normalization"]["mode"] == "photometric"

    def reference_channel(self):
        """The one whose stars fix the seeing: green of three."""
        return 1 if self.channels == 3 else 0

    def boxes(self):
        return [(t["x0"], t["y0"], t["w"], t["h"]) for t in self.grid["tiles"]]

    def kinds(self):
        return [t["kind"] for t in self.grid["tiles"]]
