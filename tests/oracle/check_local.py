"""Checks of the quality and the weight of every frame in every tile."""
import numpy as np

import frame_extensions as extensions
import method_oracle as method
from run_files import MOST_FITS, Z_FLOOR, evenly


def check(report, run, samples, steps, metrics, fits):
    if run.config["local_metrics"]["mode"] == "seeing":
        check_seeing_quality(report, run, samples, metrics)
    else:
        if fits:
            check_star_quality(report, run, samples, steps, metrics)
        check_structure_quality(report, run, samples, steps, metrics)
        check_quality_without_measurement(report, run, samples)
        low, high = run.config["local_metrics"]["clamp"]
        inside = (run.quality >= low) & (run.quality <= high)
        report.equal("tile Q inside the clamp", [bool(inside.all())], [True])
    check_tile_weights(report, run, metrics)


def check_seeing_quality(report, run, samples, metrics):
    """Q = -n log(FWHM / F) at the tile's centre, from the surfaces of the record."""
    settings = run.config["local_metrics"]
    for channel, frames in enumerate(metrics):
        inverse_variance = np.array([f["inverse_variance"] for f in frames])
        surfaces, expected = [f["surface"] for f in frames], []
        for box in run.boxes():
            covered = np.array([np.mean(~np.isnan(method.cut(planes[channel], box))) for planes in samples])
            ratios = extensions.log_fwhm_ratios(surfaces, box, run.grid["seeing_px"], run.width, run.height)
            expected.append(extensions.seeing_quality(covered, inverse_variance, ratios, settings))
        report.close("tile Q of seeing [%d]" % channel, run.quality[channel], expected, Z_FLOOR)


def check_structure_quality(report, run, samples, steps, metrics):
    settings, fraction = run.config["local_metrics"], run.config["tile"]["min_valid_fraction"]
    structure = [t for t, kind in enumerate(run.kinds()) if kind == "STRUCTURE"]
    for channel in range(run.channels):
        expected = []
        for t in structure:
            box = run.boxes()[t]
            measured = [method.structure_metrics(method.cut(samples[f][channel], box), steps[f],
                                                 metrics[channel][f], fraction)
                        for f in range(len(samples))]
            expected.append(method.structure_quality(measured, settings))
        report.close("tile Q of STRUCTURE tiles [%d]" % channel, run.quality[channel][structure],
                     np.array(expected).reshape(len(structure), len(samples)), Z_FLOOR)


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
                                            metrics[channel][f],
                                            run.config["tile"]["min_valid_fraction"], box, inside, radius)
                        for f in range(len(samples))]
            expected.append(method.star_quality(measured, settings))
        report.close("tile Q of %d STAR tiles [%d]" % (len(kept), channel), run.quality[channel][kept],
                     np.array(expected).reshape(len(kept), len(samples)), Z_FLOOR)


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
    of_frame = "inverse_variance" if run.config["local_metrics"]["mode"] == "seeing" else "weight"
    for channel in range(run.channels):
        weights = run.weight[channel]
        free = np.array([f[of_frame] for f in metrics[channel]]) * np.exp(run.quality[channel])
        report.close("tile W [%d]" % channel, weights,
                     [method.limited(of_tile, run.config["global_metrics"]["max_frame_share"]) for of_tile in free])
        report.close("tile sum_weights [%d]" % channel, run.table_column("sum_weights", channel), weights.sum(axis=1))
        report.close("tile n_eff [%d]" % channel, run.table_column("n_eff", channel),
                     [sum(row) ** 2 / sum(row ** 2) for row in weights])
