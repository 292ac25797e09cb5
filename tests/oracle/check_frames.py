"""Checks of what is measured of every frame: level, noise, flux scale, weight, FWHM and its surface, borders."""
import numpy as np

import frame_extensions as extensions
import method_oracle as method
import sky_oracle
import star_fit
from run_files import MOST_FITS, Z_FLOOR, evenly


def check(report, run, samples, steps):
    """Returns the recomputed metrics, [channel][frame]."""
    metrics = [[method.measure_frame(samples[f][channel], steps[f], run.config["normalization"]["mode"])
                for f in range(len(samples))] for channel in range(run.channels)]
    check_flux_scales(report, run, samples, metrics)
    for channel, frames in enumerate(metrics):
        if run.photometric():
            sky = method.median(np.array([f["background"] for f in frames]))
            for frame, flux_scale in zip(frames, run.column("flux_scale", channel)):
                method.apply_flux_scale(frame, flux_scale, sky)
        method.weigh_frames(frames, run.config["global_metrics"])
    floors = {"z_background": Z_FLOOR, "z_noise": Z_FLOOR, "z_gradient": Z_FLOOR, "quality": Z_FLOOR}
    for name in ("background", "noise", "gradient_energy", "z_background", "z_noise", "z_gradient", "quality",
                 "weight", "valid_fraction"):
        for channel in range(run.channels):
            report.close("frame %s [%d]" % (name, channel), run.column(name, channel),
                         [f[name] for f in metrics[channel]], floors.get(name, 0.0))
    check_record(report, run, metrics)
    check_footprints(report, run, samples, metrics)
    check_skies(report, run, samples, metrics)
    return metrics


def check_record(report, run, metrics):
    """What workers are told beside the table; adds the surface of the FWHM as it stands there."""
    for channel, frames in enumerate(metrics):
        record = run.frame_metrics["channels"][channel]
        report.close("record: inverse variance [%d]" % channel, [r["inverse_variance"] for r in record],
                     [f["inverse_variance"] for f in frames])
        report.close("record: normalisation [%d]" % channel, [r["normalization"] for r in record],
                     [[f["offset"], f["gain"], f["pedestal"]] for f in frames])
        for frame, of_record in zip(frames, record):
            frame["surface"] = np.array(of_record["fwhm_surface"])
            frame["sky"] = of_record["sky_surface"]


def measured_near(plane, x, y, radius):
    """The fit from the pixel at (x, y), or where its box leaves the image from half a pixel inward. The program starts
    from the place at which the star was detected, which is not on record."""
    height, width = plane.shape
    inward = (x + (0.5 if x < width / 2 else -0.5), y + (0.5 if y < height / 2 else -0.5))
    for place in ((x, y), (inward[0], y), (x, inward[1]), inward):
        shape = star_fit.measure(plane, *place, radius)
        if shape:
            return shape
    return None


def reference_fluxes(run, samples, metrics):
    """[channel] (fluxes of the stars in the mean of I - B, those of the brightest in two apertures); apertures by the
    FWHM of the channel that shows the stars."""
    means = [method.plain_mean([planes[c] - frame["background"] for planes, frame in zip(samples, metrics[c])])[0]
             .astype(np.float32).astype(np.float64) for c in range(run.channels)]
    stars, radius = run.frame_metrics["stars"], run.frame_metrics["star_radius_px"]
    shapes = [measured_near(means[run.reference_channel()], x, y, radius) for x, y in stars]
    fwhm = method.median(np.array([s["fwhm"] for s in shapes if s]))
    return [(extensions.star_fluxes(mean, stars, fwhm), extensions.light_of(mean, stars, fwhm, fwhm)) for mean in means]


def is_elongated(run, plane):
    """Whether most stars of a frame are, as in `check_fwhm`: of every twelfth star, of all where that is not clear."""
    stars = run.frame_metrics["stars"][:500]
    for some in (stars[::12], stars):
        shapes = [star_fit.measure(plane, x, y, run.frame_metrics["star_radius_px"]) for x, y in some]
        ratios = np.array([shape["axis_ratio"] for shape in shapes if shape and shape["snr"] >= 20])
        share = np.mean(ratios <= 0.6) if len(ratios) else 0.5
        if abs(share - 0.5) > 0.25:
            break
    return share > 0.5


def add_spreads(run, samples, channel, frames, reference, narrow):
    """Returns (flux scale of the frame's wide apertures, whether that is taken), [frame]; adds what spread light makes
    of the FWHM, and how far it reaches."""
    fwhm, stars = run.column("fwhm_px", channel), run.frame_metrics["stars"]
    found = [(np.nan, 0.0, np.nan) if np.isnan(fwhm[f]) else
             extensions.spread_of(extensions.light_of(planes[channel], stars, fwhm[f], reference[2]), reference)
             for f, planes in enumerate(samples)]
    elongated = np.array([is_elongated(run, planes[channel]) for planes in samples])
    width, light, spread, doubled = extensions.spreads(found, elongated, narrow)
    for f, frame in enumerate(frames):
        frame["broadening"] = float(np.clip(width[f], 0.5, 2)) if spread[f] else 1.0
        frame["spread_px"] = extensions.wide_radius(fwhm[f], reference[2]) if spread[f] else 0.0
    return light, doubled


def check_flux_scales(report, run, samples, metrics):
    if not run.photometric():
        for channel in range(run.channels):
            report.equal("frame flux_scale [%d]" % channel, run.column("flux_scale", channel), [1.0] * len(samples))
        return
    stars = run.frame_metrics["stars"]
    references = reference_fluxes(run, samples, metrics)
    for channel, (reference, light) in enumerate(references):
        found, fwhm = run.column("flux_scale", channel), run.column("fwhm_px", channel)
        narrow = np.array([1.0 if np.isnan(fwhm[f]) else extensions.flux_scale(
            extensions.star_fluxes(planes[channel], stars, fwhm[f]), reference) for f, planes in enumerate(samples)])
        wide, doubled = add_spreads(run, samples, channel, metrics[channel], light, narrow)
        report.close("frame flux_scale, %d frames [%d]" % (len(samples), channel), found,
                     np.where(doubled, wide, narrow))
        report.close("frame spread_px [%d]" % channel,
                     [f.get("spread_px", 0.0) for f in run.frame_metrics["channels"][channel]],
                     [f["spread_px"] for f in metrics[channel]])


def check_footprints(report, run, samples, metrics):
    """Adds the borders to the frames; they are asked for by `edge_feather_px`."""
    wanted = run.config["reconstruction"]["edge_feather_px"] > 0
    for channel, frames in enumerate(metrics):
        for frame, planes in zip(frames, samples):
            frame["footprint"] = extensions.footprint(planes[channel]) if wanted else []
        record = run.frame_metrics["channels"][channel]
        found, expected = ([sorted(map(list, f.get("footprint", []))) for f in of_all] for of_all in (record, frames))
        report.equal("frame borders, number [%d]" % channel, [len(f) for f in found], [len(e) for e in expected])
        report.close("frame borders [%d]" % channel, sum(found, []), sum(expected, []), 1.0)


def check_skies(report, run, samples, metrics):
    """Surfaces that level the skies of the frames against the mean of the first pass: of I - B, or of I / B."""
    if run.config["reconstruction"]["local_sky"] == "none":
        report.equal("skies: none", [len(f["sky"]) for frames in metrics for f in frames], [0] * sum(map(len, metrics)))
        return
    for channel, frames in enumerate(metrics):
        first = [(planes[channel] - frame["background"]) if run.photometric() else
                 method.normalised(planes[channel], frame) for planes, frame in zip(samples, frames)]
        mean, coverage = method.plain_mean(first)
        mean = mean.astype(np.float32).astype(np.float64)
        of_frames = []
        for planes, frame, part in zip(samples, frames, first):
            with np.errstate(invalid="ignore", divide="ignore"):
                others = mean - (part - mean) / (coverage - 1)
            of_frames.append(sky_oracle.sample(method.normalised(planes[channel], frame), mean, coverage, others,
                                               run.width, run.height))
        noise = np.array([f["noise"] for f in frames])
        surfaces = sky_oracle.fit(np.array(of_frames), noise, run.width, run.height)
        expected = np.floor(surfaces / noise[:, None] * sky_oracle.UNITS + 0.5)
        found = np.array([f["sky"] for f in frames])
        away = abs(found - expected) if found.shape == expected.shape else np.array([np.inf])
        report.line("skies of the frames [%d]" % channel, "%8d values  largest deviation %g of 1/1024 sigma"
                    % (expected.size, away.max()), away.max() <= 1)


def check_fwhm(report, run, samples, metrics):
    """Median FWHM of the stars that a frame shows, the surface through them, and the seeing F where every frame of it
    was measured."""
    stars, radius = run.frame_metrics["stars"][:500], run.frame_metrics["star_radius_px"]
    frames = evenly(range(len(samples)), max(1, MOST_FITS // (max(1, len(stars)) * run.channels)))
    pooled = []
    for channel in range(run.channels):
        expected, surfaces = [], []
        for f in frames:
            shapes = [(x, y, star_fit.measure(samples[f][channel], x, y, radius)) for x, y in stars]
            shown = np.array([(x, y, s["fwhm"], s["axis_ratio"]) for x, y, s in shapes if s and s["snr"] >= 20])
            shown = shown.reshape(-1, 4)
            is_round = shown[:, 3] > 0.6
            trailed = np.count_nonzero(~is_round) > np.count_nonzero(is_round)
            x, y, fwhm, _ = (shown if trailed else shown[is_round]).T
            expected.append(method.median(fwhm) if len(fwhm) else np.nan)
            surface = extensions.fit_surface(x, y, fwhm, run.width, run.height)
            surface[:1] += np.log(metrics[channel][f].get("broadening", 1.0))
            surfaces.append(surface)
            pooled += list(shown[is_round][:, 2]) if channel == run.reference_channel() else []
        column = run.column("fwhm_px", channel)
        report.close("frame fwhm_px, %d frames [%d]" % (len(frames), channel), [column[f] for f in frames], expected)
        if run.config["local_metrics"]["mode"] == "seeing":
            check_surfaces(report, run, channel, [metrics[channel][f]["surface"] for f in frames], surfaces)
    if len(frames) == len(samples) <= 64:
        report.close("grid: seeing F", [run.grid["seeing_px"]], [method.median(np.array(pooled)) if pooled else 3.0])


def check_surfaces(report, run, channel, found, expected):
    """log FWHM at the centres of all tiles."""
    report.equal("surface of the FWHM: terms [%d]" % channel, [len(s) for s in found], [len(s) for s in expected])
    centres = [extensions.box_centre(box) for box in run.boxes()]
    values = [[extensions.log_fwhm(s, x, y, run.width, run.height) for s in surfaces if len(s) for x, y in centres]
              for surfaces in (found, expected)]
    report.close("surface of the FWHM, %d frames [%d]" % (len(found), channel), values[0], values[1], 1.0)
