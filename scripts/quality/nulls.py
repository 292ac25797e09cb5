"""Null tests: things that must not happen. Each gives a figure, what it must be, and whether it is."""
import json
import shutil

import numpy
import sep
from astropy.io import fits

import maps
import reweigh
import truth
from frames import frame_paths
from halves import half_runs
from images import read_image, robust_sd
from measure import fwhm_of, measure
from rows import PLAIN, ROWS, V2, Run
from runs import NotOffered
from stars import aperture_fluxes


def null_tests(bench, wanted=()):
    """Markdown table for one data set, with the first run of `wanted`, else the recommended profile if the build has
    it, else the literal weights."""
    results = []
    try:
        base = next(iter(wanted), ROWS["recommended"])
        bench.run_dir(base)
    except NotOffered:
        base = Run(V2, (PLAIN,))
    base = Run(base.config, (*base.settings, PLAIN, "synthetic.enabled=false"))
    run_dir = bench.run_dir(base)
    frames = reweigh.normalised(bench.stack, run_dir)
    unshifted = bench.run_dir(Run(base.config, (*base.settings, "reconstruction.local_sky=none")))
    results += between_extremes(read_image(unshifted / "reconstruction.fits"), frames)
    results += shuffled_weights(bench, run_dir, frames)
    results += halves(bench, base)
    if bench.data.simulate and truth.frame_table(bench.work / "night")["bad"].any():
        results += without_bad_frames(bench, base)
    if bench.data.simulate:
        results += injected_stars(bench, base)
    lines = [f"Null tests with `{base.config}`, {', '.join(dict.fromkeys(base.settings))}:", "",
             "| test | figure | must be | holds |", "|---|---|---|---|"]
    lines += [f"| {name} | {figure} | {limit} | {'yes' if holds else 'NO'} |" for name, figure, limit, holds in results]
    return "\n".join(lines)


def between_extremes(image, frames):
    low, high = numpy.nanmin(frames, axis=0), numpy.nanmax(frames, axis=0)
    slack = 2e-6 * numpy.maximum(abs(low), abs(high))  # float32 and units
    with numpy.errstate(invalid="ignore"):
        outside = int(((image < low - slack) | (image > high + slack)).sum())
    return [("pixels beyond the extremes of their frames", outside, "0", outside == 0)]


def shuffled_weights(bench, run_dir, frames, seed=1):
    """The same weights given to other frames, tile by tile: as noisy, and no sharper than the plain mean."""
    grid = json.loads((run_dir / "grid.json").read_text())
    with fits.open(run_dir / "tile_metrics.fits") as hdus:
        weights = hdus["WEIGHT"].data[0].astype(float)
    random = numpy.random.default_rng(seed)
    plain = fwhm_of(reweigh.reconstruct(frames, numpy.ones_like(weights), grid), bench.field.stars)["fwhm"]
    own = fwhm_of(reweigh.reconstruct(frames, weights, grid), bench.field.stars)["fwhm"]
    changes = []
    for _ in range(4):
        mixed = reweigh.reconstruct(frames, random.permuted(weights, axis=1), grid)
        changes.append(100 * (fwhm_of(mixed, bench.field.stars)["fwhm"] / plain - 1))
    mean, error = numpy.mean(changes), numpy.std(changes, ddof=1) / 2
    allowed = max(0.5, 3 * error)
    return [("FWHM with shuffled weights (own weights: "
             f"{100 * (own / plain - 1):+.1f} %)", f"{mean:+.2f} +- {error:.2f} %", f"within {allowed:.1f} %",
             abs(mean) <= allowed)]


def halves(bench, base):
    """Even against odd frames, each a run of its own."""
    runs, field = list(half_runs(bench, base, 1)), bench.field
    pictures, means = ([read_image(run / f"{name}.fits") for run in runs] for name in ("reconstruction", "classical"))
    plain = [fwhm_of(mean, field.stars)["fwhm"] for mean in means]
    rows = [measure(picture, field) for picture in pictures]
    fluxes, of_means = ([aperture_fluxes(image, field.mask, field.stars) for image in images]
                        for images in (pictures, means))
    bright = field.stars.snr >= numpy.percentile(field.stars.snr, 50)
    level = numpy.nanmedian((of_means[0] / of_means[1])[bright])  # transparency of the frames that each half holds
    ratio = (fluxes[0] / fluxes[1])[bright] / level
    error = 100 * 1.2533 * robust_sd(ratio) / numpy.sqrt(ratio.size)
    zero = 100 * (numpy.nanmedian(ratio) - 1)
    magnitude = -2.5 * numpy.log10(field.stars.flux[bright])
    kept = abs(ratio - numpy.median(ratio)) < 3 * robust_sd(ratio)
    fit, covariance = numpy.polyfit(magnitude[kept], ratio[kept], 1, cov=True)
    slope, slope_error = 100 * fit[0], 100 * numpy.sqrt(covariance[0, 0])
    change, own = (100 * (a / b - 1) for a, b in ((rows[0]["fwhm"], rows[1]["fwhm"]), plain))
    return [(f"half against half: flux (plain means: {100 * (level - 1):+.2f} %)", f"{zero:+.2f} +- {error:.2f} %",
             "within 1 % of the plain means', and within 0.3 % or 4 errors",
             abs(zero) < min(1, max(0.3, 4 * error))),
            ("half against half: slope of flux over magnitude", f"{slope:+.2f} +- {slope_error:.2f} %/mag",
             "within 4 errors of 0", abs(slope) < 4 * slope_error),
            (f"half against half: FWHM (plain means: {own:+.2f} %)", f"{change:+.2f} %",
             "within 3 % of the plain means'", abs(change - own) < 3),
            *chi_squares(bench, base), *steps_of_halves(runs, field)]


def without_bad_frames(bench, base):
    """The run on all frames against one on the good frames alone, which have the same scene, seeing and noise."""
    folder = bench.work / "good-frames"
    bad = truth.frame_table(bench.work / "night")["bad"] > 0
    if not folder.exists():
        folder.mkdir()
        for path, is_bad in zip(frame_paths(bench.data.frames_dir(bench.work)), bad):
            if not is_bad:
                (folder / path.name).symlink_to(path.resolve())
    rows = []
    for frames in (bench.data.frames_dir(bench.work), folder):
        run_dir = bench.program.run(bench.program.arguments(base, frames, bench.data.settings), bench.work)
        rows.append(measure(read_image(run_dir / "reconstruction.fits"), bench.field))
    results = []
    for key, name in (("fwhm", "FWHM"), ("rms", "background rms"), ("snr_ratio", "star SNR"), ("flux_ratio", "flux")):
        change = 100 * (rows[0][key] / rows[1][key] - 1)
        results.append((f"{int(bad.sum())} bad of {len(bad)} frames against none: {name}", f"{change:+.2f} %",
                        "within 1 %", abs(change) <= 1))
    return results


def chi_squares(bench, base):
    """Of the variance maps. Neighbouring frames share the fixed pattern of a camera that drifts slowly, which the
    difference of even and odd frames does not show; sixths of the night in turn do not."""
    runs = list(half_runs(bench, base, max(1, len(bench.stack) // 6)))
    rows = []
    for name, text in (("reconstruction", "the variance maps"), ("classical", "the plain means' variance maps")):
        pictures, variances = ([read_image(run / f"{name}{kind}.fits") for run in runs] for kind in ("", ".variance"))
        chi = maps.chi_square_per_pixel(pictures, variances, bench.field)
        rows.append((f"sixths of the night in turn: chi-square per pixel of {text}", f"{chi:.3f}", "0.95 to 1.05",
                     0.95 <= chi <= 1.05))
    return rows


def steps_of_halves(runs, field):
    """What the difference of the halves says of the places where frames enter and leave."""
    pictures, coverage = ([read_image(run / f"reconstruction{kind}.fits") for run in runs]
                          for kind in ("", ".coverage"))
    rows = []
    steps = maps.coverage_steps(pictures, coverage[0], field.sky_mask & ~field.outside)
    if len(steps):
        step, error = abs(steps[:, 0]), steps[:, 1]
        excess = numpy.sqrt(max(0.0, numpy.mean(step ** 2 - error ** 2)))
        rows.append((f"steps at {len(steps)} edges of coverage, in units of the noise",
                     f"rms {excess:.3f} beyond errors of {numpy.median(error):.3f}, largest {step.max():.3f}",
                     "rms below 0.1, none above by 3 errors", excess < 0.1 and (step < 0.1 + 3 * error).all()))
    return rows


def injected_stars(bench, base, count=60, seed=5):
    """Faint stars under each frame's own PSF and transparency, added to float copies of the frames."""
    night, field = bench.work / "night", bench.field
    stars = choose_places(field, count, seed)
    pictures = []
    for name, share in (("plain", 0.0), ("injected", 1.0)):
        folder = bench.work / f"frames-{name}"
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            inject(bench.data.frames_dir(bench.work), folder, night, stars, share)
            (folder / "complete").touch()
        arguments = bench.program.arguments(base, folder, bench.data.settings)
        run_dir = bench.program.run(arguments, bench.work)
        pictures.append(read_image(run_dir / "reconstruction.fits"))
    scene = truth.Truth(night, field)
    difference = pictures[1] - pictures[0]
    sky = sep.sum_circann(difference, stars.x, stars.y, 4 * stars.fwhm_px, 6 * stars.fwhm_px, subpix=0)[0] / (
        numpy.pi * 20 * stars.fwhm_px ** 2)  # the added stars move every frame's background a little
    area = numpy.pi * (truth.WIDE_FWHM * stars.fwhm_px) ** 2
    found = (truth.wide_fluxes(difference, stars) - sky * area) / scene.scale_of(pictures[0])
    grid = json.loads((run_dir / "grid.json").read_text())
    slope, error = fitted_slope(stars.flux, found)
    trend, trend_error = position_trend(stars, found / stars.flux, grid)
    return [("slope of recovered over injected flux", f"{slope:.4f} +- {error:.4f}", "1.000 +- 0.005",
             abs(slope - 1) <= 0.005),
            ("change of that from a tile's centre to its corner", f"{trend:+.4f} +- {trend_error:.4f}",
             "within 3 errors of 0 or 0.005", abs(trend) < max(0.005, 3 * trend_error))]


def choose_places(field, count, seed):
    """A Stars of places with nothing else near; flux evenly in its logarithm, 8 to 80 times the noise in the stack."""
    random = numpy.random.default_rng(seed)
    height, width = field.classical.shape
    faintest = 8 * numpy.median(field.stars.flux / field.stars.snr)
    reach = 4 * field.stars.fwhm_px
    x, y = [], []
    while len(x) < count:
        a, b = random.uniform(0, width), random.uniform(0, height)
        near = (slice(max(0, int(b - reach)), int(b + reach) + 1), slice(max(0, int(a - reach)), int(a + reach) + 1))
        far = all(numpy.hypot(a - p, b - q) > 2 * reach for p, q in zip(x, y))
        if far and field.mask[near].mean() < 0.1 and not field.outside[near].any():
            x.append(a)
            y.append(b)
    flux = faintest * 10 ** random.uniform(0, 1, count)
    return type(field.stars)(numpy.array(x), numpy.array(y), flux, numpy.zeros(count), field.stars.fwhm_px)


def inject(source, folder, night, stars, share):
    table = truth.frame_table(night)
    paths = frame_paths(source)
    first = fits.getdata(paths[0])
    fwhm = numpy.stack([truth.true_fwhm(night, x, y, first.shape[::-1]) for x, y in zip(stars.x, stars.y)])
    for i, path in enumerate(paths):
        with fits.open(path) as hdus:
            data, header = hdus[0].data.astype(numpy.float32), hdus[0].header
        covered = data != 0
        for star, (x, y, flux) in enumerate(zip(stars.x, stars.y, stars.flux)):
            add_moffat(data, x, y, share * flux * table["transparency"][i], fwhm[star, i])
        for key in ("BZERO", "BSCALE"):
            header.remove(key, ignore_missing=True)
        fits.writeto(folder / path.name, numpy.where(covered, data, 0), header)


def add_moffat(data, x, y, flux, fwhm):
    """Beta 4, as the simulation has them, out to 8 FWHM."""
    reach = int(8 * fwhm)
    y0, x0 = max(0, int(y) - reach), max(0, int(x) - reach)
    box = data[y0:int(y) + reach + 1, x0:int(x) + reach + 1]
    v, u = numpy.indices(box.shape)
    alpha2 = fwhm ** 2 / (4 * (2 ** 0.25 - 1))
    box += flux * 3 / (numpy.pi * alpha2) * (1 + ((u + x0 - x) ** 2 + (v + y0 - y) ** 2) / alpha2) ** -4


def fitted_slope(x, y):
    """(slope, standard error) of a straight line, 4-sigma outliers left out."""
    rest = y - numpy.polyval(numpy.polyfit(x, y, 1), x)
    kept = abs(rest) < 4 * max(robust_sd(rest), 1e-9)
    fit, covariance = numpy.polyfit(x[kept], y[kept], 1, cov=True)
    return float(fit[0]), float(numpy.sqrt(covariance[0, 0]))


def position_trend(stars, ratio, grid):
    """Change of `ratio` per unit of the largest distance from a tile's centre (0 in the centre, 1 in a corner)."""
    half = grid["tile_size"] / 2
    place = numpy.array([min(max(abs(x - t["x0"] - half), abs(y - t["y0"] - half)) for t in grid["tiles"])
                         for x, y in zip(stars.x, stars.y)]) / half
    kept = abs(ratio - numpy.median(ratio)) < 4 * max(robust_sd(ratio), 1e-6)
    fit, covariance = numpy.polyfit(place[kept], ratio[kept], 1, cov=True)
    return float(fit[0]), float(numpy.sqrt(covariance[0, 0]))
