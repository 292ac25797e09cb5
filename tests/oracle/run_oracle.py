#!/usr/bin/env python3
"""Recomputes a run of tilecompile from its frames and compares: an independent oracle.

    run_oracle.py RUN_DIR INPUT_DIR [--config CONFIG_JSON] [--no-fits]

One line a check: its name, the number of values, the largest relative deviation, ok or FAIL. Exit code 1 when
any check fails.

A deviation is |found - expected| / max(|expected|, floor); the limit is 1e-6. The floor stands where values
lie around 0: z-scores and Q 1e-3 (their errors are those of B, sigma and E over a robust sd), tile_median and
offset 1e-4 of the tiles' level (a difference of two numbers near it). NaN must meet NaN. Counts, boxes, names
and digests must be equal. Products in other units than those of I' (input units of I / B, normalized ones of
photometric I') are rounded twice, so figures of quality that are taken from them may differ by 2e-3; else the
limit is 1e-6 there too.

Every step starts from the run's values of the step before, which are themselves checked here: weights from
tile_metrics.fits make the tiles, tiles make the coadd, products make the figures. So a deviation shows where it
begins.

Fits of single stars are slow here: STAR tiles and frames are sampled evenly where there are many, and left
out with --no-fits. With rejection or a noise guard tiles are sampled too. The lines say how many were taken. Not
covered: which stars are detected.
"""
import argparse
import json
import os
import sys

import numpy as np

import check_frames
import check_local
import check_quality
import check_stack
import check_tiles
import method_oracle as method
from run_files import Report, Run


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
        report.equal("journal: %s" % name, np.ravel([r[name] for r in results]).tolist(),
                     np.ravel(run.table[name][ids]).tolist())


def main():
    parser = argparse.ArgumentParser(description="Recomputes a run from its frames and compares.")
    parser.add_argument("run_dir")
    parser.add_argument("input_dir")
    parser.add_argument("--config", help="JSON of the method to compare with; default RUN_DIR/config.json")
    parser.add_argument("--no-fits", action="store_true", help="leave out fits of stars in single frames")
    arguments = parser.parse_args()
    run = Run(arguments.run_dir, arguments.config)
    report = Report()
    check_identities(report, run, arguments.input_dir)
    samples, steps = read_frames(run, arguments.input_dir)
    metrics = check_frames.check(report, run, samples, steps)
    check_grid(report, run)
    if not arguments.no_fits:
        check_frames.check_fwhm(report, run, samples, metrics)
    check_local.check(report, run, samples, steps, metrics, not arguments.no_fits)
    tiles = check_tiles.load(run)
    check_tiles.check(report, run, samples, metrics, tiles)
    check_tiles.check_rejection_table(report, run, metrics, tiles)
    references = check_tiles.check_classical(report, run, samples, metrics)
    factors = check_tiles.check_levels(report, run, tiles, references)
    check_tiles.check_reconstruction(report, run, metrics, tiles, factors)
    check_stack.check(report, run, samples, metrics, references)
    check_quality.check(report, run, metrics)
    check_digests(report, run)
    check_journal(report, run)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
