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


def measure_frames(stack, field):
    """Per frame: sky level, noise, flux scale (median ratio to the plain mean's star fluxes), FWHM, and how many
    objects stand out by 5 sigma in the area that all frames cover.

    Stars: the brighter third of the field's list.
    """
    stars = field.stars.where(field.stars.snr >= numpy.percentile(field.stars.snr, 67))
    sky, noise, scale, fwhm, count = (numpy.empty(len(stack)) for _ in range(5))
    for i, frame in enumerate(stack):
        valid = numpy.isfinite(frame) & ~field.mask
        values = frame[valid].astype(float)
        noise[i], sky[i] = clipped_scale(values, step=code_step(values)), numpy.median(values)
        image = numpy.where(numpy.isfinite(frame), frame, sky[i]).astype(float)
        scale[i] = numpy.nanmedian(aperture_fluxes(image, field.mask, stars) / stars.flux)
        shape = fit_gaussians(image, stars.x, stars.y, box_radius(stars.fwhm_px))
        sound = shape["good"] & (shape["ellipticity"] < 0.5)
        fwhm[i] = numpy.median(shape["fwhm"][sound])
        flat = subtract_sky(image, field.mask, field.outside, fwhm[i])
        count[i] = len(sep.extract(flat, 5, err=noise[i], mask=field.outside, minarea=4,
                                   filter_kernel=gaussian_kernel(fwhm[i])))
    return {"sky": sky, "noise": noise, "scale": scale, "fwhm": fwhm, "stars": count}


def best_half(facts):
    """Indices of the better half by FWHM times (most stars / stars): fewer stars count as worse seeing."""
    weighted = facts["fwhm"] * facts["stars"].max() / numpy.maximum(facts["stars"], 1)
    return numpy.sort(numpy.argsort(weighted, kind="stable")[:(len(weighted) + 1) // 2])
