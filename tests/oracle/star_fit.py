"""The star estimator of the program once more, by direct formulas: a Gaussian with a constant sky, fitted by
weighted least squares over an ellipse that follows it.

methodology.md leaves the estimator free; so constants and stopping rule are the program's, while design matrix,
exponentials and sums are written down here in the plainest way. Results agree to rounding.
"""
import math

import numpy as np

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))
LARGEST_RADIUS = 64
SETTLED = 3e-3


class Shape:
    """A exp(-(a u^2 + 2 b u v + c v^2) / 2) + sky, u and v from the centre (x, y)."""

    def __init__(self, x, y, a, b, c):
        self.x, self.y, self.a, self.b, self.c = x, y, a, b, c
        self.amplitude = self.sky = 0.0

    def determinant(self):
        return self.a * self.c - self.b ** 2

    def sigma(self):
        return self.determinant() ** -0.25

    def sigmas(self):
        """(minor, major) from the eigenvalues of the quadratic form."""
        if self.determinant() <= 0 or self.a <= 0:
            return 0.0, math.inf
        low, high = np.linalg.eigvalsh([[self.a, self.b], [self.b, self.c]])
        return 1 / math.sqrt(high), 1 / math.sqrt(low)

    def plausible(self, x, y, radius):
        minor, major = self.sigmas()
        return (self.amplitude > 0 and math.hypot(self.x - x, self.y - y) <= 2.0
                and minor >= 0.4 and major <= radius)


def ring_of(side):
    inside = np.zeros((side, side), dtype=bool)
    inside[2:-2, 2:-2] = True
    return ~inside


def first_guess(stamp, x, y):
    radius = stamp.shape[0] // 2
    peak = max(0.0, stamp[radius - 2:radius + 3, radius - 2:radius + 3].max())
    if peak <= 0:
        return None
    above = np.maximum(stamp - 0.5 * peak, 0)
    # 1.12838: 2 / sqrt(pi) as far as the program takes it, the area of a circle as wide as the half maximum
    sigma = max(0.6, 1.12838 * math.sqrt(np.count_nonzero(above)) / FWHM_PER_SIGMA)
    rows, columns = np.indices(stamp.shape)
    near = min(radius, 4)
    weight = np.where((abs(rows - radius) <= near) & (abs(columns - radius) <= near), above, 0)
    shift_x = (weight * columns).sum() / weight.sum() - x
    shift_y = (weight * rows).sum() / weight.sum() - y
    return Shape(x + min(max(shift_x, -1.5), 1.5), y + min(max(shift_y, -1.5), 1.5), sigma ** -2, 0.0, sigma ** -2)


def limited(shape, dx, dy, da, db, dc):
    """The step, shortened where it is long, and its size."""
    form = np.array([[shape.a, shape.b], [shape.b, shape.c]])
    step = np.array([dx, dy])
    shift = math.sqrt(max(0.0, step @ form @ step))
    if shift > 1:
        dx, dy = dx / shift, dy / shift
    change = np.linalg.eigvals(np.linalg.solve(form, [[da, db], [db, dc]])).real
    factor = min(1.0, 0.6 / max(0.6, -change.min()), 1.5 / max(1.5, change.max()))
    return (dx, dy, da * factor, db * factor, dc * factor), max(shift, abs(change).max())


def fit(stamp, x, y, shape):
    """True when the fit settles on a star; `shape` is what it found."""
    rows, columns = np.indices(stamp.shape)
    for _ in range(25):
        u, v = columns - shape.x, rows - shape.y
        distance2 = shape.a * u * u + 2 * shape.b * u * v + shape.c * v * v
        radius = max(3.75, 2.5 / shape.sigma())
        inside = distance2 < radius ** 2
        u, v, data = u[inside], v[inside], stamp[inside]
        g = np.exp(-0.5 * distance2[inside])
        weight = np.sqrt(1 - distance2[inside] / radius ** 2)
        design = np.stack([g, g * u, g * v, g * u * u, g * u * v, g * v * v, np.ones_like(g)], axis=1)
        (shape.amplitude, shape.sky), *_ = np.linalg.lstsq(design[:, [0, 6]] * weight[:, None], data * weight,
                                                           rcond=None)
        if not shape.plausible(x, y, stamp.shape[0] // 2):
            return False
        r, *_ = np.linalg.lstsq(design * weight[:, None], data * weight, rcond=None)
        shift = np.linalg.solve([[shape.a, shape.b], [shape.b, shape.c]], r[1:3]) / shape.amplitude
        step, size = limited(shape, shift[0], shift[1], -2 * r[3] / shape.amplitude, -r[4] / shape.amplitude,
                             -2 * r[5] / shape.amplitude)
        shape.x, shape.y = shape.x + step[0], shape.y + step[1]
        shape.a, shape.b, shape.c = shape.a + step[2], shape.b + step[3], shape.c + step[4]
        if size < SETTLED:
            return shape.plausible(x, y, stamp.shape[0] // 2)
        if shape.determinant() <= 0 or shape.a <= 0:
            return False
    return False


def residuals_of(stamp, shape):
    rows, columns = np.indices(stamp.shape)
    u, v = columns - shape.x, rows - shape.y
    return stamp - shape.sky - shape.amplitude * np.exp(
        -0.5 * (shape.a * u * u + 2 * shape.b * u * v + shape.c * v * v))


def sky_scatter(residuals):
    """Noise from differences of opposite pixels of the ring, smallest 80 %."""
    half = residuals.size // 2
    differences = abs(residuals.ravel() - residuals.ravel()[::-1])[:half][ring_of(len(residuals)).ravel()[:half]]
    limit = np.sort(differences)[int(0.8 * len(differences))]
    return math.sqrt(0.5 * np.mean(differences[differences <= limit] ** 2)) / 0.66160


def measure(plane, x, y, radius):
    """A dict of fwhm, axis_ratio, peak, sky, snr; None when there is no star to measure."""
    column, row = math.floor(x + 0.5), math.floor(y + 0.5)
    height, width = plane.shape
    if (radius < 3 or column < radius or row < radius or column + radius >= width or row + radius >= height
            or not np.isfinite(plane[row - radius:row + radius + 1, column - radius:column + radius + 1]).all()):
        return None
    radius = min(radius, LARGEST_RADIUS)
    stamp = plane[row - radius:row + radius + 1, column - radius:column + radius + 1].astype(np.float64)
    ring = np.sort(stamp[ring_of(len(stamp))])
    offset = ring[len(ring) // 2]
    stamp = stamp - offset
    x, y = x - column + radius, y - row + radius
    shape = first_guess(stamp, x, y)
    if shape is None or not fit(stamp, x, y, shape):
        return None
    residuals = residuals_of(stamp, shape)
    scatter = sky_scatter(residuals)
    strange = abs(residuals) > 0.2 * shape.amplitude + 6 * scatter
    if strange.any():
        stamp = np.where(strange, stamp - residuals, stamp)
        if not fit(stamp, x, y, shape):
            return None
    snr = math.sqrt(math.pi) * shape.amplitude * shape.sigma() / max(scatter, 1e-6 * shape.amplitude)
    if snr < 5:
        return None
    minor, major = shape.sigmas()
    return {"fwhm": FWHM_PER_SIGMA * shape.sigma(), "axis_ratio": minor / major, "peak": shape.amplitude,
            "sky": shape.sky + offset, "snr": snr}
