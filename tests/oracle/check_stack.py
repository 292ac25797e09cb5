"""Checks of states, clusters, synthetic frames and final stack of a run."""
import os

import numpy as np

import method_oracle as method
import stack_oracle as stack

NAIVE_STARTS = 15


def check(report, run, samples, metrics):
    settings = run.config["synthetic"]
    synthetic = stack.enabled(len(samples), settings)
    report.equal("synthetic frames made", [os.path.isdir(run.path("synthetic"))], [synthetic])
    if not synthetic:
        check_plain_result(report, run)
        return
    cluster, count = check_clusters(report, run, metrics, settings)
    for k in range(count):
        check_synthetic_frame(report, run, samples, metrics, k, np.flatnonzero(cluster == k))
    check_average(report, run, count)


def check_plain_result(report, run):
    """Without synthetic frames the reconstruction is the final image."""
    report.equal("stack: is the reconstruction", [run.record["products"]["stack"]["digest"]],
                 [run.record["products"]["reconstruction"]["digest"]])


def check_clusters(report, run, metrics, settings):
    """Returns the cluster of every frame and their number."""
    frames = len(metrics[0])
    of_frame = np.array(run.load_json("clusters.json")["cluster_of_frame"])
    count = stack.cluster_count(frames, settings)
    report.equal("clusters: K = %d, none empty" % count, sorted(set(of_frame)), list(range(count)))
    first = [int(np.flatnonzero(of_frame == k)[0]) for k in sorted(set(of_frame))]
    report.equal("clusters: numbered by lowest frame", first, sorted(first))
    for channel in range(run.channels):
        report.equal("frame_metrics.csv: cluster [%d]" % channel, run.column("cluster", channel),
                     of_frame.tolist())
    report.equal("run.json: cluster sizes", run.record["cluster_sizes"],
                 [int(np.count_nonzero(of_frame == k)) for k in range(count)])
    states = stack.state_vectors(metrics, run.quality)
    report.equal("clusters: frames nearer to another", [stack.frames_nearer_elsewhere(states, of_frame, count)], [0])
    random = np.random.default_rng(1)
    naive = sorted(stack.naive_k_means(states, count, random) for _ in range(NAIVE_STARTS))[NAIVE_STARTS // 2]
    found = stack.inertia(states, of_frame, count)
    report.line("clusters: inertia", "%.4g, naive starts %.4g in the middle" % (found, naive),
                found <= naive * (1 + 1e-9))
    return of_frame, count


def synthetic_tiles(run, samples, metrics, channel, members):
    """(R, coverage, weight) of every tile."""
    tiles = []
    uniform = run.config["synthetic"]["weighting"] == "global"
    for t, box in enumerate(run.boxes()):
        weights = [m["weight"] for m in metrics[channel]] if uniform else run.weight[channel][t]
        cutouts = {f: method.cut(samples[f][channel], box) / metrics[channel][f]["background"] for f in members}
        tiles.append(stack.synthetic_plane(cutouts, weights, members))
    return tiles


def rescaled(run, pixels):
    """Tiles on a common level as section 9.4 asks; `global` needs none."""
    if (run.config["synthetic"]["weighting"] == "global"
            or run.config["reconstruction"]["tile_rescale"] != "median_after_background_subtraction"):
        return pixels
    levels = [method.tile_levels(p) for p in pixels]
    scales = method.tile_scales([m for _, m in levels])
    return [(p.astype(np.float64) - b) * s + b for p, (b, _), s in zip(pixels, levels, scales)]


def check_synthetic_frame(report, run, samples, metrics, k, members):
    name = os.path.join("synthetic", "syn_%02d" % k)
    images = [run.image(name + suffix) for suffix in (".fits", ".coverage.fits", ".weight.fits")]
    for channel in range(run.channels):
        tiles = synthetic_tiles(run, samples, metrics, channel, members)
        pixels = method.overlap_add(run.width, run.height, run.boxes(), rescaled(run, [t[0] for t in tiles]))
        report.close("syn_%02d of %d frames [%d]" % (k, len(members), channel), images[0][channel],
                     pixels * run.output_scale(metrics[channel]))
        coverage = np.sum([~np.isnan(samples[f][channel]) for f in members], axis=0)
        report.equal("syn_%02d coverage map [%d]" % (k, channel), images[1][channel].ravel().tolist(),
                     coverage.ravel().tolist())
        weights = [np.where(t[1] > 0, t[2], np.nan) for t in tiles]
        expected = method.overlap_add(run.width, run.height, run.boxes(), weights)
        report.close("syn_%02d weight map [%d]" % (k, channel), images[2][channel], np.nan_to_num(expected))


def check_average(report, run, count):
    """The final stack from the synthetic frames as they lie there."""
    names = [os.path.join("synthetic", "syn_%02d" % k) for k in range(count)]
    final = os.path.splitext(run.record["products"]["stack"]["file"])
    for channel in range(run.channels):
        parts = [[run.image(n + suffix)[channel].astype(np.float64) for n in names]
                 for suffix in (".fits", ".coverage.fits", ".weight.fits")]
        expected = stack.average_stack(*parts)
        for what, suffix, values in zip(("pixels", "coverage", "weight"), (final[1], ".coverage.fits", ".weight.fits"),
                                        expected):
            # Rescaled tiles may cancel in the mean: its rounding is that of the parts.
            report.close("stack: mean of the synthetic frames, %s [%d]" % (what, channel),
                         run.image(final[0] + suffix)[channel], values, np.nanmedian(np.abs(parts[0])))
