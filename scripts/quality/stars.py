"""Reference stars, their shapes and fluxes, and matched-filter signal-to-noise.

The stars are found once, on the plain mean; every product is measured at the same places with the same apertures.
"""
import dataclasses

import numpy
import sep

from images import clipped_scale, convolve, gaussian_kernel, object_mask, subtract_sky

TO_FWHM = 2 * numpy.sqrt(2 * numpy.log(2))
APERTURE_FWHM, RING_FWHM = 1.5, (3.0, 5.0)


@dataclasses.dataclass
class Stars:
    """Places (px, first pixel's centre at 0) and what holds for all products of a table."""
    x: numpy.ndarray
    y: numpy.ndarray
    flux: numpy.ndarray  # in the plain mean
    snr: numpy.ndarray  # of the matched filter in the plain mean
    fwhm_px: float  # median in the plain mean: sets apertures and boxes

    def __len__(self):
        return len(self.x)

    def where(self, chosen):
        return Stars(self.x[chosen], self.y[chosen], self.flux[chosen], self.snr[chosen], self.fwhm_px)


def fit_gaussians(image, x, y, radius_px, rounds=25):
    """Least-squares fit of an elliptical Gaussian plus constant to a box around each place.

    Unweighted, pixel centres, so that a table's rows can be compared; a product's own PSF need not be Gaussian.
    Returns a dict of arrays: fwhm (geometric mean of the axes), ellipticity (1 - minor / major), x, y, amplitude,
    good (converged inside the box).
    """
    offset = numpy.arange(-radius_px, radius_px + 1)
    ix, iy = numpy.rint(x).astype(int), numpy.rint(y).astype(int)
    u = numpy.broadcast_to(offset[None, None, :], (len(x), offset.size, offset.size)).reshape(len(x), offset.size ** 2)
    v = numpy.broadcast_to(offset[None, :, None], (len(x), offset.size, offset.size)).reshape(len(x), offset.size ** 2)
    data = image[iy[:, None] + v, ix[:, None] + u]
    sky = numpy.median(data, axis=1)
    start = 4 * numpy.log(2) / (radius_px / 2.5) ** 2
    p = numpy.stack([data.max(axis=1) - sky, x - ix, y - iy, numpy.full(len(x), start), numpy.zeros(len(x)),
                     numpy.full(len(x), start), sky], axis=1)

    def model(p):
        dx, dy = u - p[:, 1:2], v - p[:, 2:3]
        shape = numpy.exp(numpy.clip(-0.5 * (p[:, 3:4] * dx ** 2 + 2 * p[:, 4:5] * dx * dy + p[:, 5:6] * dy ** 2),
                                     -80, 5))
        return dx, dy, shape

    def residual_sum(p):
        return ((data - p[:, :1] * model(p)[2] - p[:, 6:]) ** 2).sum(axis=1)

    damping = numpy.full(len(x), 1e-2)
    best = residual_sum(p)
    for _ in range(rounds):
        dx, dy, shape = model(p)
        a = p[:, :1] * shape
        jacobian = numpy.stack([shape, a * (p[:, 3:4] * dx + p[:, 4:5] * dy), a * (p[:, 4:5] * dx + p[:, 5:6] * dy),
                                -0.5 * a * dx ** 2, -a * dx * dy, -0.5 * a * dy ** 2, numpy.ones_like(a)], axis=2)
        residual = data - a - p[:, 6:]
        normal = numpy.einsum("nki,nkj->nij", jacobian, jacobian)
        gradient = numpy.einsum("nki,nk->ni", jacobian, residual)
        diagonal = numpy.einsum("nii->ni", normal)
        damped = normal + numpy.einsum("ni,ij->nij", damping[:, None] * diagonal + 1e-30, numpy.eye(7))
        trial = p + numpy.linalg.solve(damped, gradient[:, :, None])[:, :, 0]
        value = residual_sum(trial)
        better = (value < best) & (trial[:, 3] * trial[:, 5] > trial[:, 4] ** 2) & (trial[:, 3] > 0)
        p[better], best[better] = trial[better], value[better]
        damping = numpy.clip(numpy.where(better, damping / 5, damping * 5), 1e-9, 1e6)
    return _shapes(p, ix, iy, radius_px)


def _shapes(p, ix, iy, radius_px):
    half_trace = 0.5 * (p[:, 3] + p[:, 5])
    root = numpy.sqrt(0.25 * (p[:, 3] - p[:, 5]) ** 2 + p[:, 4] ** 2)
    strong, weak = half_trace + root, numpy.maximum(half_trace - root, 1e-9)
    fwhm = TO_FWHM / (strong * weak) ** 0.25
    good = (p[:, 0] > 0) & (abs(p[:, 1]) < radius_px / 2) & (abs(p[:, 2]) < radius_px / 2) & (
        fwhm < 2 * radius_px) & (fwhm > 0.5)
    return {"fwhm": fwhm, "ellipticity": 1 - numpy.sqrt(weak / strong), "x": ix + p[:, 1], "y": iy + p[:, 2],
            "amplitude": p[:, 0], "good": good}


def aperture_fluxes(image, mask, stars, aperture=APERTURE_FWHM, sky_ring=RING_FWHM):
    """Sum inside 1.5 FWHM of the plain mean (at least 2 px) minus the sky of a ring from 3 to 5 FWHM, or inside others.

    The ring's level is the clipped mean over its pixels that `mask` (objects, outside) leaves; a star without
    enough of them has NaN.
    """
    radius = max(2.0, aperture * stars.fwhm_px)
    inner, outer = (r * stars.fwhm_px for r in sky_ring)
    filled = numpy.where(numpy.isfinite(image), image, 0)
    fluxes, _, _ = sep.sum_circle(filled, stars.x, stars.y, radius, subpix=0)
    reach = int(numpy.ceil(outer))
    for i, (x, y) in enumerate(zip(stars.x, stars.y)):
        x0, y0 = max(0, round(x) - reach), max(0, round(y) - reach)
        box = (slice(y0, round(y) + reach + 1), slice(x0, round(x) + reach + 1))
        v, u = numpy.indices(filled[box].shape)
        distance = numpy.hypot(u + x0 - x, v + y0 - y)
        ring = filled[box][(distance >= inner) & (distance <= outer) & ~mask[box]]
        kept = ring[abs(ring - numpy.median(ring)) <= 3 * clipped_scale(ring)] if ring.size > 20 else ring[:0]
        fluxes[i] -= numpy.pi * radius ** 2 * (kept.mean() if kept.size else numpy.nan)
    return fluxes


def matched_filter(image, mask, outside, fwhm_px):
    """(flux, noise): the sky-limited optimal estimate of a star's flux at each pixel, and its sky scatter.

    The weights are a Gaussian of the product's own FWHM, so noise that neighbours share counts as what it is.
    The scatter is taken where `mask` holds less than 2 % of the kernel.
    """
    flat = subtract_sky(image, mask, outside, fwhm_px)
    kernel = gaussian_kernel(fwhm_px)
    power = (kernel ** 2).sum()
    clean = convolve(mask.astype(float), kernel) < 0.02
    noise = convolve(numpy.where(mask, 0, flat), kernel) / power
    return convolve(flat, kernel) / power, clipped_scale(noise[clean])


def filtered_fluxes(image, mask, outside, fwhm_px, stars):
    """Matched-filter flux at the stars' own sub-pixel places, with the filter of `matched_filter`."""
    flat = subtract_sky(image, mask, outside, fwhm_px)
    reach = int(numpy.ceil(2 * fwhm_px))
    offset = numpy.arange(-reach, reach + 1)
    fluxes = numpy.empty(len(stars))
    for i, (x, y) in enumerate(zip(stars.x, stars.y)):
        u, v = round(x) + offset, round(y) + offset
        weight = numpy.exp(-4 * numpy.log(2) * ((u[None, :] - x) ** 2 + (v[:, None] - y) ** 2) / fwhm_px ** 2)
        weight /= weight.sum()
        inside = (slice(v[0], v[-1] + 1), slice(u[0], u[-1] + 1))
        fluxes[i] = (weight * flat[inside]).sum() / (weight ** 2).sum()
    return fluxes


def count_detections(significance, outside, threshold=5):
    """(peaks, pits): local extremes of the filtered picture over its scatter, beyond `threshold`.

    Pits are what noise and defects alone would do if they were symmetric.
    """
    core = numpy.where(outside, 0, significance)
    around = numpy.stack([numpy.roll(core, (dy, dx), (0, 1)) for dy in (-1, 0, 1) for dx in (-1, 0, 1)
                          if dx or dy])
    peaks = (core > threshold) & (core >= around.max(axis=0))
    pits = (core < -threshold) & (core <= around.min(axis=0))
    return int(peaks.sum()), int(pits.sum())


def find_stars(image, outside, saturation=numpy.inf, lowest_snr=20):
    """Reference stars of the plain mean `image`: matched-filter SNR of at least `lowest_snr`, ellipticity below
    0.4, peak below `saturation`, nothing of more than 0.3 of its flux within 3 FWHM, FWHM within a factor 1.5 of
    the median, box inside the area. Returns (Stars, mask of all objects and `outside`).
    """
    fwhm = 3.0
    for _ in range(2):  # the second turn knows the seeing
        flat = subtract_sky(image, outside, outside, fwhm)
        noise = clipped_scale(flat[~outside])
        found = sep.extract(flat, 3.0, err=noise, mask=outside, minarea=4, filter_kernel=gaussian_kernel(fwhm))
        found = found[(found["flux"] > 0) & inside(found["x"], found["y"], outside, reach_px(fwhm))]
        shape = fit_gaussians(image, found["x"], found["y"], box_radius(fwhm))
        sound = shape["good"] & (shape["ellipticity"] < 0.4) & (shape["amplitude"] > 20 * noise)
        fwhm = float(numpy.median(shape["fwhm"][sound])) if sound.any() else fwhm
    mask = object_mask(image, outside, fwhm)
    x, y = shape["x"], shape["y"]
    alone = numpy.array([not numpy.any((numpy.hypot(found["x"] - a, found["y"] - b) < 3 * fwhm)
                                       & (found["flux"] > 0.3 * f)
                                       & (numpy.arange(len(found)) != i))
                         for i, (a, b, f) in enumerate(zip(found["x"], found["y"], found["flux"]))], dtype=bool)
    usable = (shape["good"] & (shape["ellipticity"] < 0.4) & alone & (found["peak"] < saturation)
              & (abs(numpy.log(shape["fwhm"] / fwhm)) < numpy.log(1.5)) & inside(x, y, outside, reach_px(fwhm)))
    stars = Stars(x[usable], y[usable], numpy.zeros(usable.sum()), numpy.zeros(usable.sum()), fwhm)
    stars.flux = aperture_fluxes(image, mask, stars)
    _, scatter = matched_filter(image, mask, outside, fwhm)
    stars.snr = filtered_fluxes(image, mask, outside, fwhm, stars) / scatter
    return stars.where((stars.snr >= lowest_snr) & (stars.flux > 0)), mask


def box_radius(fwhm_px):
    return max(4, int(numpy.ceil(2.5 * fwhm_px)))


def reach_px(fwhm_px):
    """How far around a star anything is read, the sky ring included."""
    return int(numpy.ceil(RING_FWHM[1] * fwhm_px)) + 1


def inside(x, y, outside, reach):
    """Whether the square of `reach` around each place lies inside the area."""
    height, width = outside.shape
    ix, iy = numpy.rint(x).astype(int), numpy.rint(y).astype(int)
    fits = (ix >= reach) & (iy >= reach) & (ix < width - reach) & (iy < height - reach)
    sums = numpy.pad(outside, ((1, 0), (1, 0))).astype(int).cumsum(0).cumsum(1)
    x0, x1 = (numpy.clip(ix + d, 0, width) for d in (-reach, reach + 1))
    y0, y1 = (numpy.clip(iy + d, 0, height) for d in (-reach, reach + 1))
    return fits & (sums[y1, x1] - sums[y0, x1] - sums[y1, x0] + sums[y0, x0] == 0)
