#!/usr/bin/env python3
"""Recomputes a run of tilecompile from its frames and compares: an independent oracle.

    run_oracle.py RUN_DIR INPUT_DIR [--config CONFIG_JSON] [--no-fits]

One line a check: its name, the number of values, the largest relative deviation, ok or FAIL. Exit code 1 when
any check fails, 2 when the run uses something that is not covered here.

A deviation is |found - expected| / max(|expected|, floor); the limit is 1e-6. The floor stands where values
lie around 0: z-scores and Q 1e-3 (their errors are those of B, sigma and E over a robust sd), tile_median and
offset 1e-4 (a difference of two numbers near 1). NaN must meet NaN. Counts, boxes, names and digests must be
equal. Products in units of the input are rounded twice, so figures of quality that are taken from them may
differ by 2e-3; with `output.units: normalized` the limit is 1e-6 there too.

Every step starts from the run's values of the step before, which are themselves checked here: weights from
tile_metrics.fits make the tiles, tiles make the coadd, products make the figures. So a deviation shows where it
begins.

Fits of single stars are slow here: STAR tiles and frames are sampled evenly where there are many, and left
out with --no-fits. Not covered: which stars are detected.
"""
import argparse
import json
import os
import sys

import numpy as np
from astropy.io import fits

import check_quality
import check_stack
import method_oracle as method
import star_fit
from run_files import Report, Run

Z_FLOOR = 1e-3
TILE_MEDIAN_FLOOR = 1e-4
MOST_FITS = 1200


def uncovered(config):
    """What the configuration asks for and this oracle does not know."""
    allowed = {"normalization.mode": ("background", "median"),
               "reconstruction.tile_rescale": ("none", "median_after_background_subtraction"),
               "reconstruction.rejection": (None, "none"),
               "reconstruction.noise_guard": (None, "off"),
               "local_metrics.mode": (None, "v2"),
               "global_metrics.adaptive_weights": (None, False)}
    for key, values in allowed.items():
        section, name = key.split(".")
        if config[section].get(name) not in values:
            yield "%s: %s" % (key, config[section].get(name))


def check_identities(report, run, input_dir):
    frames = run.manifest["frames"]
    paths = [os.path.join(input_dir, f["path"]) for f in frames]
    report.equal("manifest: sha256 of the frames", [f["sha256"] for f in frames],
                 [method.file_digest(p) for p in paths])
    report.equal("manifest: sizes", [f["size"] for f in frames], [os.path.getsize(p) for p in paths])
    report.equal("frame_metrics.csv: paths", [r["path"] for r in run.rows if r["channel"] == "0"],
                 [f["path"] for f in frames])
    report.equal("run.json: frames_manifest_id", [run.record["frames_manifest_id"]],
                 [method.file_digest(run.path("manifest.json"))])
    report.equal("run.json: config_hash", [run.record["config_hash"]],
                 [method.file_digest(run.path("config.json"))])


def read_frames(run, input_dir):
    """Samples [frame][channel] and q [frame]."""
    samples, steps = [], []
    for frame in run.manifest["frames"]:
        planes, q = method.read_frame(os.path.join(input_dir, frame["path"]),
                                      run.config["data"]["zero_is_nodata"])
        samples.append(planes)
        steps.append(q)
    return samples, steps


def check_frame_metrics(report, run, samples, steps):
    """Returns the recomputed metrics, [channel][frame]."""
    metrics = []
    for channel in range(run.channels):
        frames = [method.measure_frame(samples[f][channel], steps[f], run.config["normalization"]["mode"])
                  for f in range(len(samples))]
        method.weigh_frames(frames, run.config["global_metrics"])
        metrics.append(frames)
    floors = {"z_background": Z_FLOOR, "z_noise": Z_FLOOR, "z_gradient": Z_FLOOR, "quality": Z_FLOOR}
    for name in ("background", "noise", "gradient_energy", "z_background", "z_noise", "z_gradient", "quality",
                 "weight", "valid_fraction"):
        for channel in range(run.channels):
            report.close("frame %s [%d]" % (name, channel), run.column(name, channel),
                         [f[name] for f in metrics[channel]], floors.get(name, 0.0))
    for channel in range(run.channels):
        report.close("frame flux_scale [%d]" % channel, run.column("flux_scale", channel),
                     [1.0] * len(samples))
    return metrics


def check_grid(report, run):
    settings = run.config["tile"]
    size, overlap = method.tile_size_and_overlap(run.width, run.height, run.grid["seeing_px"], settings)
    boxes = method.tile_boxes(run.width, run.height, size, overlap)
    stars = run.frame_metrics["stars"]
    counts = [method.stars_inside(b, stars, run.frame_metrics["star_radius_px"]) for b in boxes]
    kinds = ["STAR" if n >= settings["star_min_count"] else "STRUCTURE" for n in counts]
    tiles = run.grid["tiles"]
    report.equal("grid: size, overlap, step", [run.grid[k] for k in ("tile_size", "overlap", "step")],
                 [size, overlap, size - overlap])
    report.equal("grid: tile_id", [t["tile_id"] for t in tiles], list(range(len(boxes))))
    report.equal("grid: boxes", run.boxes(), boxes)
    report.equal("grid: n_stars", [t["n_stars"] for t in tiles], counts)
    report.equal("grid: kind (%d STAR, %d STRUCTURE)" % (kinds.count("STAR"), kinds.count("STRUCTURE")),
                 run.kinds(), kinds)
    report.equal("stars: whole 1/1024 px", [[x * 1024 % 1, y * 1024 % 1] for x, y in stars],
                 [[0, 0]] * len(stars))
    in_table = list(zip(*(run.table[k].tolist() for k in ("x0", "y0", "w", "h"))))
    report.equal("tile_metrics.fits: boxes", in_table, boxes)
    report.equal("tile_metrics.fits: kind", [kind.strip() for kind in run.table["kind"]], kinds)


def check_structure_quality(report, run, samples, steps, metrics):
    settings, fraction = run.config["local_metrics"], run.config["tile"]["min_valid_fraction"]
    structure = [t for t, kind in enumerate(run.kinds()) if kind == "STRUCTURE"]
    for channel in range(run.channels):
        expected = []
        for t in structure:
            box = run.boxes()[t]
            measured = [method.structure_metrics(method.cut(samples[f][channel], box), steps[f],
                                                 metrics[channel][f]["background"], fraction)
                        for f in range(len(samples))]
            expected.append(method.structure_quality(measured, settings))
        report.close("tile Q of STRUCTURE tiles [%d]" % channel, run.quality[channel][structure],
                     np.array(expected).reshape(len(structure), len(samples)), Z_FLOOR)


def evenly(items, most):
    """At most `most` of the items, spread over all."""
    return [items[i * len(items) // most] for i in range(most)] if len(items) > most else list(items)


def check_star_quality(report, run, samples, steps, metrics):
    settings, stars = run.config["local_metrics"], run.frame_metrics["stars"]
    radius = run.frame_metrics["star_radius_px"]
    kept = [t for t, kind in enumerate(run.kinds()) if kind == "STAR"]
    fits_a_tile = len(samples) * max([run.grid["tiles"][t]["n_stars"] for t in kept], default=1)
    kept = evenly(kept, max(1, MOST_FITS // fits_a_tile))
    for channel in range(run.channels):
        expected = []
        for t in kept:
            box = run.boxes()[t]
            inside = [s for s in stars if method.stars_inside(box, [s], radius)]
            measured = [method.star_metrics(method.cut(samples[f][channel], box), steps[f],
                                            metrics[channel][f]["background"],
                                            run.config["tile"]["min_valid_fraction"], box, inside, radius)
                        for f in range(len(samples))]
            expected.append(method.star_quality(measured, settings))
        report.close("tile Q of %d STAR tiles [%d]" % (len(kept), channel), run.quality[channel][kept],
                     np.array(expected).reshape(len(kept), len(samples)), Z_FLOOR)


def check_frame_fwhm(report, run, samples):
    """Median FWHM of the stars that a frame shows, and the seeing F where every frame of it was measured."""
    stars, radius = run.frame_metrics["stars"][:500], run.frame_metrics["star_radius_px"]
    frames = evenly(list(range(len(samples))), max(1, MOST_FITS // (max(1, len(stars)) * run.channels)))
    reference = 1 if run.channels == 3 else 0
    pooled = []
    for channel in range(run.channels):
        expected = []
        for f in frames:
            shapes = [star_fit.measure(samples[f][channel], x, y, radius) for x, y in stars]
            fwhm = [s["fwhm"] for s in shapes if s and s["snr"] >= 20 and s["axis_ratio"] > 0.6]
            expected.append(method.median(np.array(fwhm)) if fwhm else np.nan)
            pooled += fwhm if channel == reference else []
        column = run.column("fwhm_px", channel)
        report.close("frame fwhm_px, %d frames [%d]" % (len(frames), channel), [column[f] for f in frames], expected)
    if len(frames) == len(samples) <= 64:
        report.close("grid: seeing F", [run.grid["seeing_px"]], [method.median(np.array(pooled)) if pooled else 3.0])


def check_quality_without_measurement(report, run, samples):
    """A frame that covers too little of a tile, of either kind, has the median Q of the tile.

    The frames without measurement carry the median of the others, clamped; so it is also the median of all.
    """
    fraction = run.config["tile"]["min_valid_fraction"]
    for channel in range(run.channels):
        found, expected = [], []
        for t, box in enumerate(run.boxes()):
            of_tile = run.quality[channel][t]
            for f, planes in enumerate(samples):
                samples_of_tile = method.cut(planes[channel], box)
                if len(method.valid_of(samples_of_tile)) < fraction * samples_of_tile.size:
                    found.append(of_tile[f])
                    expected.append(method.median(of_tile))
        report.close("tile Q without measurement [%d]" % channel, found, expected, Z_FLOOR)


def check_tile_weights(report, run, metrics):
    low, high = run.config["local_metrics"]["clamp"]
    inside = (run.quality >= low) & (run.quality <= high)
    report.equal("tile Q inside the clamp", [bool(inside.all())], [True])
    for channel in range(run.channels):
        of_frame = np.array([f["weight"] for f in metrics[channel]])
        report.close("tile W = G exp(Q) [%d]" % channel, run.weight[channel],
                     of_frame * np.exp(run.quality[channel]))
        weights = run.weight[channel]
        sums = [sum(row) for row in weights]
        report.close("tile sum_weights [%d]" % channel, run.table_column("sum_weights", channel), sums)
        report.close("tile n_eff [%d]" % channel, run.table_column("n_eff", channel),
                     [sum(row) ** 2 / sum(row ** 2) for row in weights])


class Tiles:
    """The stored tiles of one channel, in tile_id order."""

    def __init__(self):
        self.pixels, self.coverage, self.weight, self.quality, self.frame_weight = [], [], [], [], []


def load_tiles(run):
    """[channel] of Tiles."""
    tiles = [Tiles() for _ in range(run.channels)]
    for t in range(len(run.boxes())):
        name = os.path.join("tiles", "tile_%06d.fits" % t)
        pixels, coverage, weight = (run.image(name, hdu) for hdu in (0, "COVERAGE", "WEIGHT"))
        with fits.open(run.path(name)) as hdus:
            quality, frame_weight = np.array(hdus["QUALITY"].data), np.array(hdus["FRAMEWGT"].data)
        for channel, of_channel in enumerate(tiles):
            of_channel.pixels.append(pixels[channel])
            of_channel.coverage.append(coverage[channel])
            of_channel.weight.append(weight[channel])
            of_channel.quality.append(quality[channel])
            of_channel.frame_weight.append(frame_weight[channel])
    return tiles


def check_tiles(report, run, samples, metrics, tiles):
    kinds = np.array(run.kinds())
    for channel in range(run.channels):
        stored = tiles[channel]
        report.close("tile files: Q [%d]" % channel, stored.quality, run.quality[channel], Z_FLOOR)
        report.close("tile files: W [%d]" % channel, stored.frame_weight, run.weight[channel])
        expected = []
        for t, box in enumerate(run.boxes()):
            cutouts = [method.cut(samples[f][channel], box) / metrics[channel][f]["background"]
                       for f in range(len(samples))]
            expected.append(method.weighted_mean(cutouts, run.weight[channel][t]))
        pixels, coverage, weight, fallback = (list(column) for column in zip(*expected))
        for kind in ("STAR", "STRUCTURE"):
            of_kind = np.flatnonzero(kinds == kind)
            report.close("tile R of %s tiles [%d]" % (kind, channel), [stored.pixels[t] for t in of_kind],
                         [pixels[t] for t in of_kind])
        report.equal("tile coverage [%d]" % channel, np.ravel(stored.coverage).tolist(),
                     np.ravel(coverage).tolist())
        report.close("tile weight [%d]" % channel, stored.weight, weight)
        report.equal("tile fallback_used [%d]" % channel,
                     [bool(v) for v in run.table_column("fallback_used", channel)], fallback)


def check_tile_levels(report, run, tiles):
    """Returns the factors (scale, background) of section 9.4, [channel][tile]."""
    factors = []
    rescale = run.config["reconstruction"]["tile_rescale"] == "median_after_background_subtraction"
    for channel in range(run.channels):
        levels = [method.tile_levels(pixels) for pixels in tiles[channel].pixels]
        backgrounds, medians = [b for b, _ in levels], [m for _, m in levels]
        report.close("tile_background [%d]" % channel, run.table_column("tile_background", channel),
                     backgrounds)
        report.close("tile_median [%d]" % channel, run.table_column("tile_median", channel), medians,
                     TILE_MEDIAN_FLOOR)
        scales = method.tile_scales(medians) if rescale else [1.0] * len(medians)
        report.close("tile scale [%d]" % channel, run.table_column("scale", channel), scales)
        report.close("tile offset [%d]" % channel, run.table_column("offset", channel),
                     [b * (1 - s) for b, s in zip(backgrounds, scales)], TILE_MEDIAN_FLOOR)
        factors.append(list(zip(scales, backgrounds)))
    return factors


def check_reconstruction(report, run, metrics, tiles, factors):
    image = run.image("reconstruction.fits")
    weight = run.image("reconstruction.weight.fits")
    for channel in range(run.channels):
        rescaled = [(pixels.astype(np.float64) - b) * s + b
                    for pixels, (s, b) in zip(tiles[channel].pixels, factors[channel])]
        expected = method.overlap_add(run.width, run.height, run.boxes(), rescaled)
        report.close("reconstruction [%d]" % channel, image[channel],
                     expected * run.output_scale(metrics[channel]))
        # The text does not say what a weight map is where tiles overlap: the windowed mean, as for R.
        weights = [np.where(c > 0, w, np.nan)
                   for w, c in zip(tiles[channel].weight, tiles[channel].coverage)]
        expected = method.overlap_add(run.width, run.height, run.boxes(), weights)
        report.close("reconstruction weight map [%d]" % channel, weight[channel], np.nan_to_num(expected))


def check_classical(report, run, samples, metrics):
    """The plain mean of the normalised frames [5], and the coverage of both products."""
    image, weight = run.image("classical.fits"), run.image("classical.weight.fits")
    coverages = {name: run.image(name + ".coverage.fits") for name in ("classical", "reconstruction")}
    for channel in range(run.channels):
        frames = [samples[f][channel] / metrics[channel][f]["background"] for f in range(len(samples))]
        expected, coverage, _, _ = method.weighted_mean(frames, [1.0] * len(frames))
        report.close("classical [%d]" % channel, image[channel],
                     expected.astype(np.float64) * run.output_scale(metrics[channel]))
        report.close("classical weight map [%d]" % channel, weight[channel], coverage)
        for name, found in coverages.items():
            report.equal("%s coverage map [%d]" % (name, channel), found[channel].ravel().tolist(),
                         coverage.ravel().tolist())


def check_digests(report, run):
    for name, product in run.record["products"].items():
        report.equal("run.json: digest of %s" % name, [product["digest"]],
                     [method.pixel_digest(run.image(product["file"]))])


def check_journal(report, run):
    """Checksums, sums and levels of the accepted results."""
    with open(run.path("journal.jsonl"), encoding="utf-8") as file:
        results = [json.loads(line) for line in file]
    results = sorted((r for r in results if "/tiles/" in r.get("tile_data_ref", "")), key=lambda r: r["tile_id"])
    ids = [r["tile_id"] for r in results]
    report.equal("journal: tile_id", ids, list(range(len(run.boxes()))))
    report.equal("journal: checksums of the tiles", [r["tile_data_checksum"] for r in results],
                 [method.file_digest(run.path("tiles", "tile_%06d.fits" % t)) for t in ids])
    for name in ("sum_weights", "tile_background", "tile_median"):
        found = np.array([r[name] for r in results]).reshape(len(results), -1)
        table = np.array(run.table[name][ids]).reshape(len(results), -1)
        report.close("journal: %s" % name, found, table)


def main():
    parser = argparse.ArgumentParser(description="Recomputes a run from its frames and compares.")
    parser.add_argument("run_dir")
    parser.add_argument("input_dir")
    parser.add_argument("--config", help="JSON of the method to compare with; default RUN_DIR/config.json")
    parser.add_argument("--no-fits", action="store_true", help="leave out fits of stars in single frames")
    arguments = parser.parse_args()
    run = Run(arguments.run_dir, arguments.config)
    unknown = list(uncovered(run.config))
    if unknown:
        print("not covered by this oracle: " + ", ".join(unknown))
        return 2
    report = Report()
    check_identities(report, run, arguments.input_dir)
    samples, steps = read_frames(run, arguments.input_dir)
    metrics = check_frame_metrics(report, run, samples, steps)
    check_grid(report, run)
    if not arguments.no_fits:
        check_frame_fwhm(report, run, samples)
        check_star_quality(report, run, samples, steps, metrics)
    check_structure_quality(report, run, samples, steps, metrics)
    check_quality_without_measurement(report, run, samples)
    check_tile_weights(report, run, metrics)
    tiles = load_tiles(run)
    check_tiles(report, run, samples, metrics, tiles)
    factors = check_tile_levels(report, run, tiles)
    check_reconstruction(report, run, metrics, tiles, factors)
    check_classical(report, run, samples, metrics)
    check_stack.check(report, run, samples, metrics)
    check_quality.check(report, run, metrics)
    check_digests(report, run)
    check_journal(report, run)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
