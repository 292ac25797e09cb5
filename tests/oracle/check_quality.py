"""Checks of the figures of quality and of the verdict of a run, from its products alone."""
import os

import numpy as np

import quality_oracle as quality

ROUNDED_TWICE = 2e-3
PROFILE_LIMIT = 0.1  # of another way to measure FWHM
CHANGE_FLOOR = 1.0   # percent; changes lie around 0
AREAS = (("quality_common_area", "common"), ("quality_covered_area", "covered"))


class Product:
    """The channels of a product in normalised units, with their star measurements."""

    def __init__(self, run, metrics, name):
        self.name, self.record = name, run.record["products"][name]
        image = run.image(self.record["file"]).astype(np.float64)
        self.coverage = run.image(os.path.splitext(self.record["file"])[0] + ".coverage.fits")
        self.stars = [quality.StarMeasurements(image[c] / run.output_scale(metrics[c]), run.frame_metrics["stars"],
                                               run.frame_metrics["star_radius_px"], run.grid["seeing_px"])
                      for c in range(run.channels)]

    def covered(self, area, channel, frames):
        return self.coverage[channel] >= (frames if area == "common" else 1)


def check(report, run, metrics):
    rounded_once = all(run.output_scale(frames) == 1 for frames in metrics)
    limit = 1e-6 if rounded_once else ROUNDED_TWICE
    products = {name: Product(run, metrics, name) for name in ("classical", "reconstruction", "stack")}
    for product in products.values():
        for key, area in AREAS:
            check_area(report, product, products["classical"], key, area, len(metrics[0]), limit)
        check_pattern(report, run, product, products["classical"], limit)
    check_profiles(report, products, len(metrics[0]))
    check_usable_tiles(report, run)
    check_verdict(report, run, products["stack"])


def or_nan(value):
    """What is not known stands as null."""
    return np.nan if value is None else value


def check_area(report, product, classical, key, area, frames, limit):
    expected = [quality.quality(product.stars[c], classical.stars[c], product.covered(area, c, frames))
                for c in range(len(product.stars))]
    if area == "common" and not any(e["sky_cell_count"] or e["star_count"] for e in expected):
        report.equal("%s: no common area" % product.name, [key in product.record], [False])
        return
    for c, figures in enumerate(expected):
        found = product.record[key][c]
        counts = [name for name in figures if name.endswith("_count")]
        report.equal("%s %s: star_count %d and others [%d]" % (product.name, area, figures["star_count"], c),
                     [found[name] for name in counts], [figures[name] for name in counts])
        for name in sorted(figures.keys() - counts):
            report.close("%s %s: %s [%d]" % (product.name, area, name, c), [or_nan(found[name])], [figures[name]],
                         CHANGE_FLOOR if name.endswith("_percent") else 0.0, limit)


def check_pattern(report, run, product, classical, limit):
    for c, stars in enumerate(product.stars):
        (amplitude, significance, most, detected), rounding = quality.tile_pattern(
            stars.plane, classical.stars[c].plane, run.boxes(), run.grid["tile_size"], run.grid["overlap"])
        found = product.record["tile_pattern"][c]
        report.close("%s: tile pattern [%d]" % (product.name, c), [found["amplitude"], found["significance"], found["limit"]],
                     [amplitude, significance, most], 1.0, max(limit, rounding))
        report.equal("%s: tile pattern detected [%d]" % (product.name, c), [found["detected"]], [detected])


def check_profiles(report, products, frames):
    """Median FWHM against the width of the stars' mean profile, where there are stars enough for one."""
    classical = products["classical"]
    for product in products.values():
        for c, stars in enumerate(product.stars):
            covered = product.covered("covered", c, frames)
            measured = list(quality.measured_stars(stars, classical.stars[c], covered))
            if len(measured) >= 20:
                report.close("%s: FWHM by profile [%d]" % (product.name, c),
                             [product.record["quality_covered_area"][c]["fwhm_px"]],
                             [quality.profile_fwhm(stars, measured)], 0.0, PROFILE_LIMIT)


def check_usable_tiles(report, run):
    star = np.array([kind == "STAR" for kind in run.kinds()])
    fallback = np.array(run.table["fallback_used"]).reshape(len(star), -1).any(axis=1)
    if star.any():
        report.close("run.json: usable signal tiles", [run.record["usable_signal_tiles_percent"]],
                     [100 * np.count_nonzero(star & ~fallback) / np.count_nonzero(star)])


def verdict_of(run, product, channel):
    """name -> (value, uncertainty, threshold, passed), from the figures of the final image, which are checked above."""
    limits = run.record["configuration"]["validation"]
    areas = product.record.get("quality_common_area") or product.record["quality_covered_area"]
    figures, pattern = areas[channel], product.record["tile_pattern"][channel]
    sharper, noisier = -figures["fwhm_change_percent"], figures["background_rms_change_percent"]
    of_fwhm, of_rms = (or_nan(figures[k]) for k in ("fwhm_change_uncertainty_percent",
                                                    "background_rms_change_uncertainty_percent"))
    variance, of_variance = quality.tile_weight_variance(run.weight[channel])
    wanted, allowed, least = (limits[k] for k in ("min_fwhm_improvement_percent",
                                                  "max_background_rms_increase_percent", "min_tile_weight_variance"))
    return {"fwhm_improvement_percent": (sharper, of_fwhm, wanted, not wanted - sharper > of_fwhm),
            "background_rms_increase_percent": (noisier, of_rms, allowed, not noisier - allowed > of_rms),
            "tile_weight_variance": (variance, of_variance, least, not least - variance > of_variance),
            "tile_pattern": (pattern["amplitude"], 0, pattern["limit"],
                             not (limits["require_no_tile_pattern"] and pattern["detected"]))}


def check_verdict(report, run, product):
    found = {(v["channel"], v["name"]): v for v in run.record["verdict"]}
    expected = {(c, name): values for c in range(run.channels)
                for name, values in verdict_of(run, product, c).items()}
    report.equal("verdict: checks", sorted(found), sorted(expected))
    keys = [k for k in sorted(expected) if k in found]
    report.close("verdict: values", [found[k]["value"] for k in keys], [expected[k][0] for k in keys])
    report.close("verdict: uncertainties", [or_nan(found[k]["uncertainty"]) for k in keys],
                 [expected[k][1] for k in keys])
    report.close("verdict: thresholds", [found[k]["threshold"] for k in keys], [expected[k][2] for k in keys])
    report.equal("verdict: passed", [found[k]["passed"] for k in keys], [expected[k][3] for k in keys])
    failed = not all(values[3] for values in expected.values())
    report.equal("run.json: status", [run.record["status"]], ["failed_validation" if failed else "done"])
