"""What a pixel rejection takes away: planted defects (wanted), star cores (not wanted).

Two simulated nights of one seed, one with many defects, one without any, have the same scene, seeing and noise.
"""
import csv

import numpy
import sep
from astropy.io import fits

from images import read_image
from rows import PLAIN, ROWS, V2, Numpy, Run, Siril
from runs import NotOffered
from stacks import weighted_mean
from stars import aperture_fluxes

KINDS = ("hot_pixel", "cosmic_ray", "trail", "moving_object")
PLAIN_MEAN = Numpy(lambda even, facts, raw: weighted_mean(even, numpy.ones(len(even))))
WITHOUT = {  # the same product with nothing rejected
    "3-sigma clipped mean": PLAIN_MEAN,
    "5/4-sigma clipped mean": PLAIN_MEAN,
    "Siril winsorized": Siril(low=100, high=100),
    "+ sigma_clip": Run(V2, (PLAIN,)),
    "recommended": Run(ROWS["recommended"].config, ("reconstruction.rejection=none",), "stacked.fit")}
COLUMNS = (*((kind, f"{kind.replace('_', ' ')} %", "{:.2f}") for kind in KINDS), ("core", "star cores %", "{:+.3f}"),
           ("core_bright", "bright cores %", "{:+.3f}"), ("false", "rejected of clean %", "{:.3f}"))


def rejection_rows(dirty, clean):
    """[(name, figures)]; `dirty` and `clean`: the two nights' benches."""
    pixels = defect_pixels(dirty, clean.field.outside, 5 * float(numpy.median(clean.facts["noise"])))
    rows, plain_excess = [], excess(dirty, clean, PLAIN_MEAN, "plain-of-equalised")
    for name, without in WITHOUT.items():
        try:
            left = excess(dirty, clean, ROWS[name], name)
            picture = read_image(clean.picture_of(ROWS[name], name)[0])
            bare = read_image(clean.picture_of(without, f"{name}, nothing rejected")[0])
        except NotOffered:
            continue
        figures = {kind: 100 * (1 - left[where].sum() / plain_excess[where].sum()) for kind, where in pixels.items()}
        figures.update(core_changes(picture, bare, clean.field))
        if isinstance(ROWS[name], Run):
            figures["false"] = rejected_percent(clean.run_dir(ROWS[name]))
        rows.append((name, figures))
    return rows


def defect_pixels(dirty, outside, least_adu):
    """Per kind a mask of pixels that it hits by `least_adu` in some frame, and no other by a tenth of that."""
    hits = {kind: numpy.zeros(outside.shape, dtype=float) for kind in KINDS}
    with open(dirty.work / "night" / "defects.csv", newline="") as file:
        for row in csv.DictReader(file):
            value = hits[row["kind"]]
            place = int(row["y"]), int(row["x"])
            value[place] = max(value[place], float(row["adu"]))
    return {kind: (hits[kind] >= least_adu) & ~outside
            & (sum(hits[other] >= least_adu / 10 for other in KINDS if other != kind) == 0) for kind in KINDS}


def excess(dirty, clean, row, name):
    """Picture with defects minus picture without, at equal star flux and sky."""
    field = clean.field
    pair = []
    for bench in (dirty, clean):
        image = read_image(bench.picture_of(row, name)[0])
        pair.append(image / numpy.nanmedian(aperture_fluxes(image, field.mask, field.stars) / field.stars.flux))
    difference = pair[0] - pair[1]
    return difference - numpy.median(difference[~field.mask])


def core_changes(picture, bare, field):
    """Change of the flux within half a FWHM (radius) of the stars' centres, against the wide flux, in percent."""
    radius = max(1.0, 0.5 * field.stars.fwhm_px)
    ratios = []
    for image in (picture, bare):
        flat = numpy.ascontiguousarray(numpy.nan_to_num(image - numpy.median(image[~field.mask])))
        core = sep.sum_circle(flat, field.stars.x, field.stars.y, radius, subpix=0)[0]
        scale = numpy.nanmedian(aperture_fluxes(image, field.mask, field.stars) / field.stars.flux)
        ratios.append(core / scale)
    change = 100 * (ratios[0] / ratios[1] - 1)
    order = numpy.argsort(-field.stars.flux)
    return {"core": float(numpy.median(change)),
            "core_bright": float(numpy.median(change[order[:max(5, len(order) // 10)]]))}


def rejected_percent(run_dir):
    """Share of the samples of all tiles that a run has rejected."""
    rejected = samples = 0.0
    for path in sorted((run_dir / "tiles").glob("*.fits")):
        with fits.open(path) as hdus:
            if "REJLOW" not in hdus:
                return None
            rejected += sum(hdus[key].data.sum() for key in ("REJLOW", "REJHIGH"))
            samples += hdus["REJLOW"].data.size * numpy.prod(hdus[0].data.shape[-2:])
    return 100 * rejected / samples if samples else None
