"""The extensions of the method that belong to single frames [docs/method.md, Extensions; methodology.md 3, 7], in
plain numpy: flux scale, surface of the FWHM, exponent of a tile, border of a frame."""
import math

import numpy as np

import method_oracle as method
import quality_oracle as quality

MOST_STARS = 500
FEWEST_FLUXES = 5
NARROW, WIDE = (2, 3, 4.5), (4, 5, 7)  # radius and ring of apertures, FWHM
MOST_WIDE = 30
SURFACE_ROUNDS = 5


# Photometric normalisation [3]

def star_fluxes(plane, stars, fwhm):
    """NaN for a star that was not measured or is not positive."""
    fluxes = [quality.aperture_flux(plane, x, y, *(k * fwhm for k in NARROW)) for x, y in stars[:MOST_STARS]]
    return np.array([np.nan if f is None or f <= 0 else f for f in fluxes])


def wide_radius(fwhm, reference_fwhm):
    return WIDE[0] * min(max(fwhm, reference_fwhm), 1.5 * reference_fwhm)


def light_of(plane, stars, fwhm, reference_fwhm):
    """(fluxes, sums of squares, FWHM) of the brightest stars in wide apertures; NaN where one is not positive."""
    scale = wide_radius(fwhm, reference_fwhm) / WIDE[0]
    light = [quality.aperture_light(plane, x, y, *(k * scale for k in WIDE)) for x, y in stars[:MOST_WIDE]]
    pairs = [pair if pair and min(pair) > 0 else (np.nan, np.nan) for pair in light]
    return (*np.array(pairs).reshape(-1, 2).T, fwhm)


def spread_of(light, reference):
    """(width, its error, flux scale) against the reference, medians over the stars; NaN: fewer than 5 in both."""
    scales = light[0] / reference[0]
    widths = scales / np.sqrt(light[1] / reference[1]) / (light[2] / reference[2])
    widths, scales = method.valid_of(widths), method.valid_of(scales)
    if len(widths) < FEWEST_FLUXES:
        return np.nan, 0.0, np.nan
    middle = method.median(widths)
    sd = 1.4826 * method.median(abs(widths - middle))
    return middle, 1.2533 * sd / math.sqrt(len(widths)), method.median(scales)


def spreads(found, elongated, narrow):
    """(width, flux scale, spread, doubled) of every frame over what is typical of round ones."""
    width, error, light = np.array(found).T
    typical = [values for values in (method.valid_of(np.where(elongated, np.nan, v)) for v in (width, light / narrow))]
    if len(typical[0]) >= FEWEST_FLUXES:
        width, error = width / method.median(typical[0]), error / method.median(typical[0])
        light = light / method.median(typical[1])
    with np.errstate(invalid="ignore"):
        doubled = (width > 1.15) & (width - 1 > 3 * error)
    return width, light, doubled | elongated & ~np.isnan(width), doubled


def flux_scale(fluxes, reference):
    """phi; 1 with fewer than five stars."""
    ratios = method.valid_of(fluxes / reference)
    return method.median(ratios) if len(ratios) >= FEWEST_FLUXES else 1.0


# Seeing [7]

def surface_terms(x, y, width, height):
    """1, X, Y, X^2, X Y, Y^2 with X, Y from -1 to 1 over the image."""
    u, v = (2 * np.asarray(x) + 1) / width - 1, (2 * np.asarray(y) + 1) / height - 1
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v], axis=-1)


def fit_surface(x, y, fwhm, width, height):
    """Coefficients of log FWHM: six terms from 30 stars on, three from 12, else one; none without a star."""
    terms, values = surface_terms(x, y, width, height), np.log(fwhm)
    surface = np.zeros(0)
    for _ in range(SURFACE_ROUNDS):
        if len(values) == 0:
            break
        n = 6 if len(values) >= 30 else 3 if len(values) >= 12 else 1
        surface, *_ = np.linalg.lstsq(terms[:, :n], values, rcond=None)
        away = abs(values - terms[:, :n] @ surface)
        kept = away <= 3 * 1.4826 * method.median(away)  # convention: the sd is about the surface
        if kept.all() or not kept.any():
            break
        terms, values = terms[kept], values[kept]
    return surface


def log_fwhm(surface, x, y, width, height):
    return float(surface_terms(x, y, width, height)[:len(surface)] @ surface)


def box_centre(box):
    """Of the pixels, whose own centres are whole numbers."""
    x0, y0, w, h = box
    return x0 + (w - 1) / 2, y0 + (h - 1) / 2


def log_fwhm_ratios(surfaces, box, seeing, width, height):
    """log(FWHM / F) of every frame at the centre of a tile; a frame without a star has the median of the others."""
    known = [log_fwhm(s, *box_centre(box), width, height) - math.log(seeing) if len(s) else np.nan
             for s in surfaces]
    return np.where(np.isnan(known), method.median(method.valid_of(np.array(known))), known)


def effective_frames(n, covered, inverse_variance, ratios):
    weights = inverse_variance * np.exp(-n * ratios)
    return (covered * weights).sum() ** 2 / (covered * weights ** 2).sum()


def exponent(covered, inverse_variance, ratios, sharpness, fraction):
    """The largest power up to `sharpness` that leaves `fraction` of the frames that a power of 0 has."""
    least = fraction * effective_frames(0, covered, inverse_variance, ratios)
    low, high = 0.0, sharpness
    if not fraction > 0 or effective_frames(high, covered, inverse_variance, ratios) >= least:
        return sharpness
    for _ in range(12):  # each round looks ten times closer
        grid = np.linspace(low, high, 11)
        enough = [n for n in grid if effective_frames(n, covered, inverse_variance, ratios) >= least]
        low, high = enough[-1], min(enough[-1] + (grid[1] - grid[0]), high)
    return low


def seeing_quality(covered, inverse_variance, ratios, settings):
    return -exponent(covered, inverse_variance, ratios, settings["sharpness"],
                     settings["min_effective_fraction"]) * ratios


# Borders of a frame

def outline(plane):
    """First and last valid pixel of every row, (x, y)."""
    points = []
    for y, row in enumerate(~np.isnan(plane)):
        columns = np.flatnonzero(row)
        if len(columns):
            points += [(int(columns[0]), y), (int(columns[-1]), y)]
    return points


def convex_hull(points):
    """Corners one after the other, found by gift wrapping: from each to the point that leaves all others to its left,
    the furthest of several in line."""
    corners = [min(points)]
    while True:
        x, y = corners[-1]
        best = None
        for p in points:
            if p == (x, y):
                continue
            if best is not None:
                turn = (best[0] - x) * (p[1] - y) - (best[1] - y) * (p[0] - x)
                further = (p[0] - x) ** 2 + (p[1] - y) ** 2 > (best[0] - x) ** 2 + (best[1] - y) ** 2
            if best is None or turn < 0 or (turn == 0 and further):
                best = p
        if best is None or best == corners[0]:
            return corners
        corners.append(best)


def footprint(plane):
    """(a, b, c) of the borders inside the image; a x + b y + c is the distance from one, positive inside."""
    points = outline(plane)
    if len(points) == 0:
        return []
    corners, (height, width) = convex_hull(points), plane.shape
    middle = np.mean(points, axis=0)
    edges = []
    for p, q in zip(corners, corners[1:] + corners[:1]):
        if p[0] == q[0] and p[0] in (0, width - 1) or p[1] == q[1] and p[1] in (0, height - 1):
            continue
        normal = np.array([q[1] - p[1], p[0] - q[0]]) / math.dist(p, q)
        if normal @ (middle - p) < 0:
            normal = -normal
        edges.append((normal[0], normal[1], -normal @ p))
    return edges


def edge_ramp(edges, box, width):
    """Factor of a frame at the pixels of a box; a pixel on the border counts as half a pixel inside."""
    x0, y0, w, h = box
    if width <= 0:
        return np.ones((h, w))
    rows, columns = np.mgrid[y0:y0 + h, x0:x0 + w]
    distance = np.full((h, w), float(width))
    for a, b, c in edges:
        distance = np.minimum(distance, a * columns + b * rows + c)
    u = np.minimum(1, (np.maximum(distance, 0) + 0.5) / width)
    return smoothstep(u).astype(np.float32).astype(np.float64)  # convention: rounded once to float32


def smoothstep(u):
    u = np.clip(u, 0, 1)
    return u * u * (3 - 2 * u)
