"""Figures of quality and of the verdict, recomputed from the products of a run [methodology.md 12, and the tables
"Figures of quality" and "Verdict" of docs/method.md]. Planes are double arrays in normalised units."""
import math

import numpy as np

import method_oracle as method
import star_fit

CELL = 32
MOST_STARS = 500


def percentile(values, share):
    return sorted(values)[int(share * (len(values) - 1) + 0.5)]


def gaussian_smooth(plane, sigma):
    """Separable Gaussian cut at 3 sigma; taps beyond the border are left out."""
    reach = math.ceil(3 * sigma)
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    for axis in (1, 0):
        sums, weights = np.zeros(plane.shape), np.zeros(plane.shape)
        length = plane.shape[axis]
        for offset, tap in zip(range(-reach, reach + 1), taps):
            to = [slice(None)] * 2
            of = [slice(None)] * 2
            to[axis] = slice(max(0, -offset), min(length, length - offset))
            of[axis] = slice(max(0, offset), min(length, length + offset))
            sums[tuple(to)] += tap * plane[tuple(of)]
            weights[tuple(to)] += tap
        plane = sums / weights
    return plane


def sky_mask(plane, seeing):
    """True on sky: where the smoothed picture does not stand 3 scales above its square's location, nor near that."""
    valid = ~np.isnan(plane)
    level = method.median(plane[valid])
    sigma = seeing / 2.3548200450309493
    with np.errstate(invalid="ignore", divide="ignore"):
        smooth = (gaussian_smooth(np.where(valid, plane - level, 0.0), sigma) / gaussian_smooth(valid * 1.0, sigma))
    smooth = np.where(valid, smooth, np.nan).astype(np.float32).astype(np.float64)
    mesh = max(64, math.ceil(16 * seeing))
    objects = np.zeros(plane.shape, bool)
    for y in range(0, plane.shape[0], mesh):
        for x in range(0, plane.shape[1], mesh):
            square = (slice(y, y + mesh), slice(x, x + mesh))
            values = method.valid_of(smooth[square])
            if len(values):
                location, scale = method.clip(values, 0.0)
                objects[square] = np.nan_to_num(smooth[square] - location, nan=-np.inf) > 3 * scale
    near, reach = np.zeros(plane.shape, bool), math.ceil(seeing)
    for y, x in zip(*np.nonzero(objects)):
        near[max(0, y - reach):y + reach + 1, max(0, x - reach):x + reach + 1] = True
    return valid & ~near


def sky_noise(plane, sky, covered):
    """Clipped scale of the sky in every whole cell of 32 x 32 px inside the area that holds 256 px of sky."""
    scales = []
    for y in range(0, plane.shape[0] - CELL + 1, CELL):
        for x in range(0, plane.shape[1] - CELL + 1, CELL):
            box = (x, y, CELL, CELL)
            of_cell = method.cut(sky, box)
            if method.cut(covered, box).all() and of_cell.sum() >= 256:
                scales.append(method.clip(method.valid_of(method.cut(plane, box)[of_cell]), 0.0)[1])
    return np.array(scales)


def median_uncertainty(values):
    """Two standard errors of a median; NaN for fewer than 3 values."""
    return 2 * 1.2533 * method.robust_sd(values) / math.sqrt(len(values)) if len(values) >= 3 else math.nan


def aperture_flux(plane, x, y, radius, inner, outer):
    """Flux in `radius` px over the sky between `inner` and `outer` px; None when a pixel is missing."""
    light = aperture_light(plane, x, y, radius, inner, outer)
    return light and light[0]


def aperture_light(plane, x, y, radius, inner, outer):
    """That flux and the sum of the squares over the sky, less what the scatter of the sky gives it.

    A pixel at the rim counts with the share radius + 1/2 - distance.
    """
    reach = math.ceil(outer) + 1
    column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    if (column < reach or row < reach or column + reach >= plane.shape[1] or row + reach >= plane.shape[0]):
        return None
    rows, columns = np.mgrid[row - reach:row + reach + 1, column - reach:column + reach + 1]
    distance = np.hypot(columns - x, rows - y)
    near = distance <= outer
    values, distance = plane[rows, columns][near], distance[near]
    if np.isnan(values).any():
        return None
    ring = values[distance >= inner]
    sky = np.median(ring)
    scatter = 1.4826 * np.median(abs(ring - sky))
    share = np.clip(radius + 0.5 - distance, 0, 1)
    return float((share * (values - sky)).sum()), float((share * ((values - sky) ** 2 - scatter ** 2)).sum())


class StarMeasurements:
    """Fits and fluxes of the reference stars in one plane, each made once."""

    def __init__(self, plane, stars, box_radius, seeing):
        self.plane, self.stars, self.box_radius = plane, stars[:MOST_STARS], box_radius
        self.aperture, self.seeing = max(2.0, 1.5 * seeing), seeing
        self.fits, self.fluxes, self.wide_fluxes, self.mask = {}, {}, {}, None

    def fit(self, i):
        if i not in self.fits:
            self.fits[i] = star_fit.measure(self.plane, *self.stars[i], self.box_radius)
        return self.fits[i]

    def flux(self, i):
        if i not in self.fluxes:
            self.fluxes[i] = aperture_flux(self.plane, *self.stars[i], self.aperture, 2 * self.aperture,
                                           3 * self.aperture)
        return self.fluxes[i]

    def wide_flux(self, i):
        if i not in self.wide_fluxes:
            self.wide_fluxes[i] = aperture_flux(self.plane, *self.stars[i], 4 * self.seeing, 5 * self.seeing,
                                                7 * self.seeing)
        return self.wide_fluxes[i]

    def sky(self):
        if self.mask is None:
            self.mask = sky_mask(self.plane, self.seeing)
        return self.mask


def measured_stars(product, classical, covered):
    """Indices of the stars whose box lies inside the area, with SNR >= 20 in both pictures."""
    for i, (x, y) in enumerate(product.stars):
        r = product.box_radius
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
        if column < r or row < r or column + r >= covered.shape[1] or row + r >= covered.shape[0]:
            continue
        if not covered[row - r:row + r + 1, column - r:column + r + 1].all():
            continue
        if all(s.fit(i) is not None and s.fit(i)["snr"] >= 20 for s in (product, classical)):
            yield i


def ratios_of(fluxes):
    return np.array([a / b for a, b in fluxes if a is not None and b is not None and b > 0])


def quality(product, classical, covered):
    """The figures of one channel; `product` and `classical` are StarMeasurements."""
    stars = list(measured_stars(product, classical, covered))
    figures = {"star_count": len(stars), "fwhm_px": 0, "fwhm_p90_px": 0, "plain_fwhm_px": 0, "fwhm_change_percent": 0,
               "fwhm_change_uncertainty_percent": math.nan, "flux_star_count": 0, "flux_ratio": 1,
               "flux_scatter_percent": 0}
    if stars:
        fwhm = np.array([product.fit(i)["fwhm"] for i in stars])
        before = np.array([classical.fit(i)["fwhm"] for i in stars])
        figures.update(fwhm_px=method.median(fwhm), fwhm_p90_px=percentile(fwhm, 0.9),
                       plain_fwhm_px=method.median(before),
                       fwhm_change_percent=100 * (method.median(fwhm) / method.median(before) - 1),
                       fwhm_change_uncertainty_percent=100 * median_uncertainty(fwhm / before))
    near = ratios_of([(product.flux(i), classical.flux(i)) for i in stars])
    if len(near):
        figures["flux_scatter_percent"] = 100 * method.robust_sd(near) / method.median(near)
    wide = ratios_of([(product.wide_flux(i), classical.wide_flux(i)) for i in stars])
    of_flux = 0.0
    if len(wide) >= 3:
        wide = wide[:max(5, (len(wide) + 1) // 2)]
        figures.update(flux_star_count=len(wide), flux_ratio=method.median(wide))
        of_flux = median_uncertainty(wide) / method.median(wide)
    figures.update(noise_figures(product, classical, covered, figures["flux_ratio"], of_flux))
    return figures


def noise_figures(product, classical, covered, flux_ratio, of_flux):
    noise, before = (sky_noise(s.plane, classical.sky(), covered) for s in (product, classical))
    rms, plain_rms = method.median(noise), method.median(before)
    figures = {"sky_cell_count": len(noise), "background_rms": rms, "plain_rms": plain_rms,
               "equal_flux_rms": rms / flux_ratio if flux_ratio > 0 else rms, "background_rms_change_percent": 0,
               "background_rms_change_uncertainty_percent": math.nan}
    if plain_rms > 0 and flux_ratio > 0:
        ratio = rms / flux_ratio / plain_rms
        of_cells = noise[before > 0] / before[before > 0]
        figures["background_rms_change_percent"] = 100 * (ratio - 1)
        figures["background_rms_change_uncertainty_percent"] = 100 * ratio * math.hypot(
            median_uncertainty(of_cells) / method.median(of_cells), of_flux)
    return figures


def profile_fwhm(measurements, stars):
    """FWHM by another way: the mean radial profile of the stars, each over its aperture flux, and a straight line
    through its logarithm against r^2 out to a fifth of the peak."""
    radii, values = [], []
    for i in stars:
        flux = measurements.flux(i)
        if flux is None or flux <= 0:
            continue
        x, y = measurements.stars[i]
        reach = math.ceil(3 * measurements.aperture)
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
        rows, columns = np.mgrid[row - reach:row + reach + 1, column - reach:column + reach + 1]
        distance = np.hypot(columns - x, rows - y)
        ring = (distance >= 2 * measurements.aperture) & (distance <= 3 * measurements.aperture)
        sky = np.median(measurements.plane[rows, columns][ring])
        near = distance < measurements.aperture
        radii.extend(distance[near])
        values.extend((measurements.plane[rows, columns][near] - sky) / flux)
    radii, values = np.array(radii), np.array(values)
    bins = (radii / 0.25).astype(int)
    places = [k for k in range(bins.max() + 1) if np.count_nonzero(bins == k) >= 5]
    r2 = np.array([np.mean(radii[bins == k] ** 2) for k in places])
    mean = np.array([np.median(values[bins == k]) for k in places])
    core = mean > 0.2 * mean[:3].mean()
    slope = np.polyfit(r2[core], np.log(mean[core]), 1)[0]
    return 2 * math.sqrt(math.log(2) / -slope)


# Tile pattern

def pattern_strip(size, overlap):
    clear = (size - 2 * overlap) // 4
    return max(2, size // 8 if clear < 2 else min(size // 8, clear))


def lines_that_fit(begin, end, strip):
    room = end - begin - 4 * strip
    if room < 0:
        return []
    last = room // strip
    return [begin + 2 * strip + (room - last * strip) // 2 + i * strip for i in range(last + 1)]


def pattern_lines(starts, size, length, strip):
    """Three lists of lines on the grid (starts, ends, middles), and the lines off it."""
    later = starts[1:]
    ends = [s + size for s in starts[:-1]]
    middles = [(s + e) // 2 for s, e in zip(later, ends)]
    clear = list(zip([0] + ends, later + [length]))
    off = [x for begin, end in clear for x in lines_that_fit(begin, end, strip)]
    if not off:
        borders = sorted([0, length] + later + ends)
        off = [x for begin, end in zip(borders, borders[1:]) for x in lines_that_fit(begin, end, strip)]
    return [later, ends, middles], off


def steps_across(plane, lines, strip, piece):
    """Steps at vertical lines, one a piece of `piece` rows."""
    steps = []
    for x in lines:
        if x < 2 * strip or x + 2 * strip > plane.shape[1]:
            continue
        for y in range(0, plane.shape[0] - piece + 1, piece):
            medians = []
            for k in range(-2, 2):
                values = method.valid_of(plane[y:y + piece, x + k * strip:x + (k + 1) * strip])
                medians.append(np.median(values) if 2 * len(values) >= strip * piece else np.nan)
            steps.append(1.5 * (medians[2] - medians[1]) - 0.5 * (medians[3] - medians[0]))
    return [s for s in steps if not np.isnan(s)]


def tile_pattern(product, classical, boxes, size, overlap):
    """(amplitude, significance, limit, detected), and how far rounding of pixels to float32 may move the amplitude."""
    difference = product - classical
    strip, piece = pattern_strip(size, overlap), size - overlap
    on, off = [[], [], []], []
    for plane, starts in ((difference, sorted({b[0] for b in boxes})),
                          (difference.T, sorted({b[1] for b in boxes}))):
        lines_on, lines_off = pattern_lines(starts, size, plane.shape[1], strip)
        for steps, lines in zip(on, lines_on):
            steps += steps_across(plane, lines, strip, piece)
        off += steps_across(plane, lines_off, strip, piece)
    off_energy = np.median(np.square(off)) if off else 0.0
    best = (1.0, 0.0, 1.25, False)
    for i, steps in enumerate(on):
        if not steps or not off:
            continue
        energy = np.median(np.square(steps))
        if off_energy <= 0:
            if energy > 0:
                best = (1e6, 1e6, 1.25, True)
            continue
        scatter = 2.33 * math.sqrt(1 / len(steps) + 1 / len(off))
        amplitude, limit = energy / off_energy, max(1.25, 1 + 5 * scatter)
        if i == 0 or (amplitude - 1) / scatter > best[1]:
            best = (amplitude, (amplitude - 1) / scatter, limit, bool(amplitude > limit))
    last_place = np.spacing(np.float32(np.nanmax(np.abs(product))))
    return best, float(last_place / math.sqrt(off_energy)) if off_energy > 0 else 0.0


def tile_weight_variance(weights):
    """Median over tiles of var(W) / mean(W)^2 over frames, and its uncertainty; weights are [tile][frame]."""
    values = np.array([np.var(w) / np.mean(w) ** 2 for w in weights])
    return method.median(values), median_uncertainty(values)
