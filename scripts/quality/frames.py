"""Reads the registered frames of a data set and measures each of them on the reference stars."""
import pathlib

import numpy
import sep
from astropy.io import fits

from images import clipped_scale, gaussian_kernel, subtract_sky
from stars import aperture_fluxes, box_radius, fit_gaussians

SUFFIXES = (".fit", ".fits", ".fts", ".fz", ".gz")


def frame_paths(folder):
    return sorted(p for p in pathlib.Path(folder).rglob("*") if p.is_file() and p.suffix in SUFFIXES)


def read_frames(folder):
    """float32 array (frames, height, width), NaN where a frame is not valid (exact 0, not finite)."""
    stack = []
    for path in frame_paths(folder):
        with fits.open(path) as hdus:
            data = next(hdu.data for hdu in hdus if hdu.data is not None and hdu.data.ndim >= 2)
        frame = numpy.array(data if data.ndim == 2 else data[1], dtype=numpy.float32)
        frame[~numpy.isfinite(frame) | (frame == 0)] = numpy.nan
        stack.append(frame)
    return numpy.stack(stack)


def code_step(values):
    """Smallest step between neighbouring codes of whole-number data, 0 for others."""
    return 1.0 if numpy.array_equal(values, numpy.rint(values)) else 0.0


def median_of(values, otherwise=numpy.nan):
    """Median of what is finite."""
    values = numpy.asarray(values)[numpy.isfinite(values)]
    return float(numpy.median(values)) if values.size else otherwise


def measure_frames(stack, field):
    """Per frame: sky level, noise, flux scale (median ratio to the plain mean's star fluxes), FWHM, and how many
    objects stand out by 5 sigma in the area that all frames cover.

    Stars: the brighter third of the field's list. A frame that shows none of them soundly has the worst FWHM and the
    middle flux scale.
    """
    stars = field.stars.where(field.stars.snr >= numpy.percentile(field.stars.snr, 67)) if len(field.stars) else field.stars
    sky, noise, scale, fwhm, count = (numpy.empty(len(stack)) for _ in range(5))
    for i, frame in enumerate(stack):
        valid = numpy.isfinite(frame) & ~field.mask
        values = frame[valid].astype(float)
        noise[i], sky[i] = clipped_scale(values, step=code_step(values)), numpy.median(values)
        image = numpy.where(numpy.isfinite(frame), frame, sky[i]).astype(float)
        scale[i] = median_of(aperture_fluxes(image, field.mask, stars) / stars.flux)
        shape = fit_gaussians(image, stars.x, stars.y, box_radius(stars.fwhm_px))
        sound = shape["good"] & (shape["ellipticity"] < 0.5)
        fwhm[i] = median_of(shape["fwhm"][sound])
        width = fwhm[i] if numpy.isfinite(fwhm[i]) else field.stars.fwhm_px
        flat = subtract_sky(image, field.mask, field.outside, width)
        count[i] = len(sep.extract(flat, 5, err=noise[i], mask=field.outside, minarea=4,
                                   filter_kernel=gaussian_kernel(width)))
    fwhm[~numpy.isfinite(fwhm)] = numpy.nanmax([field.stars.fwhm_px, *fwhm])
    scale[~(scale > 0)] = median_of(scale[scale > 0], 1.0)
    return {"sky": sky, "noise": noise, "scale": scale, "fwhm": fwhm, "stars": count}


def best_half(facts):
    """Indices of the better half by FWHM times (most stars / stars): fewer stars count as worse seeing."""
    weighted = facts["fwhm"] * facts["stars"].max() / numpy.maximum(facts["stars"], 1)
    return numpy.sort(numpy.argsort(weighted, kind="stable")[:(len(weighted) + 1) // 2])
