"""Checks of states, clusters, synthetic frames and final stack of a run."""
import os

import numpy as np

import check_tiles
import method_oracle as method
import stack_oracle as stack
import tile_oracle

NAIVE_STARTS = 15


def check(report, run, samples, metrics, references):
    settings = run.config["synthetic"]
    synthetic = stack.enabled(len(samples), settings)
    report.equal("synthetic frames made", [os.path.isdir(run.path("synthetic"))], [synthetic])
    if not synthetic:
        check_plain_result(report, run)
        return
    cluster, count = check_clusters(report, run, metrics, settings)
    members = [np.flatnonzero(cluster == k) for k in range(count)]
    means = [synthetic_tiles(run, samples, metrics, channel, members) for channel in range(run.channels)]
    for k in range(count):
        check_synthetic_frame(report, run, samples, metrics, k, members[k], [m[k] for m in means], references)
    if run.config["stacking"]["method"] == "weighted_average":
        check_weighted_average(report, run, metrics, means, references)
    else:
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
    """[cluster][tile] of means over the frames of a cluster."""
    uniform = run.config["synthetic"]["weighting"] == "global"
    of_frame = [m["weight"] for m in metrics[channel]] if uniform else None
    means = [[] for _ in members]
    for t in range(len(run.boxes())):
        tile = check_tiles.recomputed(run, samples, metrics, channel, t, of_frame)
        held = tile.mean().held
        for k, frames in enumerate(members):
            means[k].append(tile.mean(frames))
            means[k][-1].held |= held
    return means


def factors_of(run, means, reference):
    """Tiles on a common level as section 9.4 asks; `global` needs none."""
    if run.config["synthetic"]["weighting"] == "global":
        return [(1.0, 0.0, 0.0)] * len(means)
    return check_tiles.tile_factors(run, [m.pixels for m in means], reference)


def check_synthetic_frame(report, run, samples, metrics, k, members, means, references):
    """`means` [channel][tile]."""
    name, coverage_map = "syn_%02d" % k, run.image(os.path.join("synthetic", "syn_%02d.coverage.fits" % k))
    for channel, of_channel in enumerate(means):
        planes = check_tiles.joined(run, of_channel, factors_of(run, of_channel, references[channel]))
        check_tiles.check_picture(report, run, name, os.path.join("synthetic", name + ".fits"), channel, planes,
                                  run.output_scale(metrics[channel]))
        coverage = np.sum([~np.isnan(samples[f][channel]) for f in members], axis=0)
        report.equal("%s coverage map of %d frames [%d]" % (name, len(members), channel), coverage_map[channel].ravel().tolist(),
                     coverage.ravel().tolist())


def check_weighted_average(report, run, metrics, means, references):
    """The stack from the synthetic tiles, and that it is the reconstruction wherever no plain mean stood in and no
    pixel was held at an end of its tile's range, which is another one for every synthetic frame."""
    file = run.record["products"]["stack"]["file"]
    stack_image, reconstruction = run.image(file), run.image("reconstruction.fits")
    for channel, of_channel in enumerate(means):
        tiles = [tile_oracle.weighted_average(parts) for parts in zip(*of_channel)]
        factors = factors_of(run, tiles, references[channel])
        check_tiles.check_picture(report, run, "stack: weighted average", file, channel,
                                  check_tiles.joined(run, tiles, factors), run.output_scale(metrics[channel]))
        other = np.zeros((run.height, run.width), dtype=bool)
        for parts, box in zip(zip(*of_channel), run.boxes()):
            method.cut(other, box)[np.any([p.plain_mean | p.held for p in parts], axis=0)] = True
        if (run.config["reconstruction"]["tile_rescale"] == "none"
                and run.config["synthetic"]["weighting"] == "tile_weighted"):
            report.close("stack: is the reconstruction but for %d pixels [%d]" % (other.sum(), channel),
                         stack_image[channel][~other], reconstruction[channel][~other])


def check_average(report, run, count):
    """The final stack from the synthetic frames as they lie there."""
    names = [os.path.join("synthetic", "syn_%02d" % k) for k in range(count)]
    final = os.path.splitext(run.record["products"]["stack"]["file"])
    for channel in range(run.channels):
        parts = [[run.image(n + suffix)[channel].astype(np.float64) for n in names]
                 for suffix in (".fits", ".coverage.fits", ".weight.fits", ".variance.fits", ".neff.fits")]
        expected = stack.average_stack(*parts)
        for what, suffix, values in zip(("pixels", "coverage", "weight", "variance", "n_eff"),
                                        (final[1], ".coverage.fits", ".weight.fits", ".variance.fits", ".neff.fits"),
                                        expected):
            # Rescaled tiles may cancel in the mean: its rounding is that of the parts.
            report.close("stack: mean of the synthetic frames, %s [%d]" % (what, channel),
                         run.image(final[0] + suffix)[channel], values,
                         np.nanmedian(np.abs(parts[0])) if what == "pixels" else 0.0)
