"""Checks of the tiles, of their levels and of the pictures that are made of them."""
import csv
import os
from collections import namedtuple

import numpy as np
from astropy.io import fits

import method_oracle as method
import sky_oracle
import tile_oracle
from run_files import evenly

TILE_MEDIAN_FLOOR = 1e-4
MOST_SAMPLES = 8e6  # of all frames in the tiles of a channel that extensions are recomputed in

Stored = namedtuple("Stored", "pixels coverage weight variance n_eff quality frame_weight low high light_low light_high")
MAPS = ("COV", "WGT", "VAR", "NEFF")
LIGHT_MAPS = ("LLOW", "LHIGH")


def load_tile(path, channels):
    """Stored, a channel each [docs/tile.md]."""
    with fits.open(path) as hdus:
        header = hdus[0].header
        pixels = np.array(hdus[0].data).reshape((channels,) + hdus[0].data.shape[-2:])
        planes = iter(np.array(hdus["MAPS"].data) if header["NMAPS"] else ())
        maps = []
        for key in MAPS + (LIGHT_MAPS if "REJLIGHT" in header else ()):
            maps.append([np.full(pixels.shape[1:], header[key + str(c + 1)], np.float32) if key + str(c + 1) in header
                         else next(planes) for c in range(channels)])
        maps += [[None] * channels] * (len(MAPS + LIGHT_MAPS) - len(maps))
        tables = np.array(hdus["FRAMES"].data)
    tables = list(tables) + [np.zeros_like(tables[0])] * (4 - len(tables))
    return [Stored(pixels[c], *(m[c] for m in maps[:4]), *(t[c] for t in tables), *(m[c] for m in maps[4:]))
            for c in range(channels)]


def load(run):
    """[channel][tile] of Stored."""
    tiles = [load_tile(run.path("tiles", "tile_%06d.fits" % t), run.channels) for t in range(len(run.boxes()))]
    return [list(of_channel) for of_channel in zip(*tiles)]


def levelled(run, samples, frame, box):
    """Samples of a frame without its own sky."""
    if len(frame["sky"]) == 0:
        return samples
    sky = sky_oracle.surface(frame["sky"], frame["noise"], box, run.width, run.height)
    return (samples - sky / frame["gain"]).astype(np.float32).astype(np.float64)


def recomputed(run, samples, metrics, channel, t, weights=None):
    """Tile t over all frames with the run's weights, or with others."""
    box, frames = run.boxes()[t], metrics[channel]
    cube = np.array([method.normalised(levelled(run, method.cut(planes[channel], box), frame, box), frame)
                     for planes, frame in zip(samples, frames)])
    weights = run.weight[channel][t] if weights is None else np.array(weights)
    return tile_oracle.Tile(cube, frames, weights, box, run.config["reconstruction"], run.grid["seeing_px"],
                            run.config["global_metrics"]["max_frame_share"])


def extended(run):
    settings = run.config["reconstruction"]
    return (settings["rejection"] != "none" or settings["noise_guard"] != "off")


def sampled(run, frames):
    tiles = list(range(len(run.boxes())))
    box = run.boxes()[0]
    return evenly(tiles, max(4, int(MOST_SAMPLES / (box[2] * box[3] * frames)))) if extended(run) else tiles


def check(report, run, samples, metrics, tiles):
    kinds, kept = np.array(run.kinds()), sampled(run, len(samples))
    for channel in range(run.channels):
        stored = tiles[channel]
        report.equal("tile files: Q [%d]" % channel, [t.quality.tolist() for t in stored],
                     run.quality[channel].tolist())
        report.equal("tile files: W [%d]" % channel, [t.frame_weight.tolist() for t in stored],
                     run.weight[channel].tolist())
        means, light, low, high, plain, guarded = {}, {}, [], [], 0, 0
        for t in kept:
            tile = recomputed(run, samples, metrics, channel, t)
            means[t], light[t] = tile.mean(), tile.rejected_light
            low.append(tile.low)
            high.append(tile.high)
            plain += int(tile.plain.sum())
            guarded += tile.guarded
        for kind in ("STAR", "STRUCTURE"):
            of_kind = [t for t in kept if kinds[t] == kind]
            report.close("tile R of %d %s tiles [%d]" % (len(of_kind), kind, channel),
                         [stored[t].pixels for t in of_kind], [means[t].pixels for t in of_kind])
        report.equal("tile rejected samples (%d low, %d high, %d pixels plain) [%d]"
                     % (np.sum(low), np.sum(high), plain, channel),
                     np.ravel([(stored[t].low, stored[t].high) for t in kept]).tolist(),
                     np.ravel(list(zip(low, high))).tolist())
        check_light(report, channel, [stored[t] for t in kept], [light[t] for t in kept], metrics[channel])
        check_tile_maps(report, channel, [stored[t] for t in kept], [means[t] for t in kept], guarded)
        fallback = run.table_column("fallback_used", channel)
        report.equal("tile fallback_used [%d]" % channel, [bool(fallback[t]) for t in kept],
                     [bool(means[t].fallback.any()) for t in kept])


def check_light(report, channel, stored, light, frames):
    """What rejection took. A sum of what is above and what is below a median is as exact as the frames are noisy."""
    noise = float(np.median([f["noise"] for f in frames]))
    if light[0] is None:
        report.equal("tile rejected light: none [%d]" % channel, [s.light_low is None for s in stored],
                     [True] * len(stored))
        return
    for k, name in enumerate(("light_low", "light_high")):
        report.close("tile rejected %s [%d]" % (name, channel), [getattr(s, name) for s in stored],
                     [both[k] for both in light], noise)


def check_tile_maps(report, channel, stored, means, guarded):
    report.equal("tile coverage [%d]" % channel, np.ravel([s.coverage for s in stored]).tolist(),
                 np.ravel([m.coverage for m in means]).tolist())
    for name in ("weight", "variance", "n_eff"):
        report.close("tile %s (%d pixels guarded) [%d]" % (name, guarded, channel),
                     [getattr(s, name) for s in stored], [getattr(m, name) for m in means])


def check_rejection_table(report, run, metrics, tiles):
    """rejection.csv and run.json from the counts of the tiles."""
    wanted = run.config["reconstruction"]["rejection"] != "none"
    report.equal("rejection.csv written", [os.path.exists(run.path("rejection.csv"))], [wanted])
    if not wanted:
        return
    area = sum(w * h for _, _, w, h in run.boxes())
    with open(run.path("rejection.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    low, high = ([np.sum([getattr(t, name) for t in tiles[c]], axis=0) for c in range(run.channels)]
                 for name in ("low", "high"))
    keys = [(int(r["frame_index"]), int(r["channel"])) for r in rows]
    report.equal("rejection.csv: rows", sorted(keys), [(f, c) for f in range(len(metrics[0]))
                                                       for c in range(run.channels)])
    report.equal("rejection.csv: counts", [(int(r["rejected_low"]), int(r["rejected_high"])) for r in rows],
                 [(low[c][f], high[c][f]) for f, c in keys])
    shares = [(low[c][f] + high[c][f]) / (area * metrics[c][f]["valid_fraction"]) for f, c in keys]
    report.close("rejection.csv: shares", [float(r["share"]) for r in rows], shares)
    record, valid = run.record["rejection"], area * sum(f["valid_fraction"] for frames in metrics for f in frames)
    report.close("run.json: rejection", [record[k] for k in ("low", "high", "percent", "most_percent")],
                 [np.sum(low), np.sum(high), 100 * (np.sum(low) + np.sum(high)) / valid, 100 * max(shares)])


def tile_factors(run, pixels, reference):
    """(scale, level before, level after) of every tile [9.4]: R' = (R - before) scale + after."""
    mode = run.config["reconstruction"]["tile_rescale"]
    levels = [method.tile_levels(p) for p in pixels]
    if mode == "reference":
        return [tile_oracle.reference_scale(p, method.cut(reference, box)) for p, box in zip(pixels, run.boxes())]
    scales = (method.tile_scales([m for _, m in levels]) if mode == "median_after_background_subtraction"
              else [1.0] * len(levels))
    return [(s, b, b) for s, (b, _) in zip(scales, levels)]


def check_levels(report, run, tiles, references):
    """Returns the factors of section 9.4, [channel][tile]."""
    factors = []
    for channel in range(run.channels):
        pixels = [t.pixels for t in tiles[channel]]
        levels = [method.tile_levels(p) for p in pixels]
        report.close("tile_background [%d]" % channel, run.table_column("tile_background", channel),
                     [b for b, _ in levels])
        report.close("tile_median [%d]" % channel, run.table_column("tile_median", channel), [m for _, m in levels],
                     TILE_MEDIAN_FLOOR * np.median([b for b, _ in levels]))
        factors.append(tile_factors(run, pixels, references[channel]))
        report.close("tile scale [%d]" % channel, run.table_column("scale", channel), [s for s, _, _ in factors[-1]])
        report.close("tile offset [%d]" % channel, run.table_column("offset", channel),
                     [after - before * s for s, before, after in factors[-1]],
                     TILE_MEDIAN_FLOOR * np.median([b for b, _ in levels]))
    return factors


def joined(run, means, factors):
    """Pixels, weight, variance and effective frames of a picture: windowed means of those of its tiles."""
    def join(planes):
        return method.overlap_add(run.width, run.height, run.boxes(), planes)
    covered = [~np.isnan(m.pixels) for m in means]
    return (join([(m.pixels.astype(np.float64) - before) * s + after for m, (s, before, after) in zip(means, factors)]),
            np.nan_to_num(join([np.where(c, m.weight, np.nan) for m, c in zip(means, covered)])),
            join([m.variance * s ** 2 for m, (s, _, _) in zip(means, factors)]),
            np.nan_to_num(join([np.where(c, m.n_eff, np.nan) for m, c in zip(means, covered)])))


def check_picture(report, run, name, file, channel, planes, unit):
    """Pixels and maps of a picture against those in normalised units; None is left out."""
    base, extension = os.path.splitext(file)
    names = ("", " weight map", " variance map", " n_eff map")
    for what, suffix, factor, expected in zip(names, (extension, ".weight.fits", ".variance.fits", ".neff.fits"),
                                              (unit, 1, unit ** 2, 1), planes):
        report.close("%s%s [%d]" % (name, what, channel), run.image(base + suffix)[channel], expected * factor)


def check_reconstruction(report, run, metrics, tiles, factors):
    for channel in range(run.channels):
        check_picture(report, run, "reconstruction", "reconstruction.fits", channel,
                      joined(run, tiles[channel], factors[channel]), run.output_scale(metrics[channel]))
    wanted = run.config["reconstruction"]["rejection"] != "none"
    for name, which in (("rejected.fits", "light_high"), ("rejected.low.fits", "light_low")):
        report.equal("%s written" % name, [os.path.exists(run.path(name))], [wanted])
        for channel in range(run.channels if wanted else 0):
            light = [np.where(np.isnan(t.pixels), np.nan, s * getattr(t, which))
                     for t, (s, _, _) in zip(tiles[channel], factors[channel])]
            unit = run.output_scale(metrics[channel])
            noise = float(np.median([f["noise"] for f in metrics[channel]]))
            report.close("%s [%d]" % (name, channel), run.image(name)[channel], unit * np.nan_to_num(
                method.overlap_add(run.width, run.height, run.boxes(), light)), unit * noise)


def check_classical(report, run, samples, metrics):
    """The plain mean of the normalised frames [5], and the coverage of both products. Returns the mean, [channel]."""
    coverages = {name: run.image(name + ".coverage.fits") for name in ("classical", "reconstruction")}
    means = []
    for channel, frames in enumerate(metrics):
        planes = [s[channel] for s in samples]
        mean, coverage = method.plain_mean([method.normalised(p, frame) for p, frame in zip(planes, frames)])
        first = method.plain_mean([p - f["background"] for p, f in zip(planes, frames)])[0] if run.photometric() else mean
        variance = method.scatter_variance([method.normalised(p, frame) for p, frame in zip(planes, frames)],
                                           [f["noise"] for f in frames], first.astype(np.float32).astype(np.float64))
        means.append(mean.astype(np.float32))
        check_picture(report, run, "classical", "classical.fits", channel,
                      (means[-1].astype(np.float64), coverage, variance, coverage), run.output_scale(frames))
        for name, found in coverages.items():
            report.equal("%s coverage map [%d]" % (name, channel), found[channel].ravel().tolist(),
                         coverage.ravel().tolist())
    return means
