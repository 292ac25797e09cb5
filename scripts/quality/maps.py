"""Two runs on the even and the odd frames: their difference has no sky in it, so it can judge maps and edges."""
import numpy

from images import clipped_scale

FARTHEST = 4  # sigma
SHARE_OF_VARIANCE = 0.99893  # of a Gaussian cut there
NEAR_PX, LEAST_LINES = 10, 100
CELL_PX, LEAST_PIXELS = 64, 64


def chi_square_per_pixel(pictures, variances, field):
    """Mean of (A - B)^2 / (var A + var B) over the sky that all frames cover; the median of each cell taken away."""
    sky = ~field.sky_mask & numpy.isfinite(variances[0] + variances[1])
    difference = numpy.where(sky, pictures[0] - pictures[1], numpy.nan)
    flat = without_cell_medians(difference)
    chi = flat ** 2 / (variances[0] + variances[1])
    chi = chi[numpy.isfinite(chi)]
    return float(chi[chi < FARTHEST ** 2 * max(1.0, numpy.median(chi) / 0.455)].mean() / SHARE_OF_VARIANCE)


def without_cell_medians(image):
    """`image` less the median of every CELL_PX square; NaN where a square has fewer than LEAST_PIXELS."""
    flat = numpy.full(image.shape, numpy.nan)
    for y in range(0, image.shape[0], CELL_PX):
        for x in range(0, image.shape[1], CELL_PX):
            cell = (slice(y, y + CELL_PX), slice(x, x + CELL_PX))
            if numpy.isfinite(image[cell]).sum() >= LEAST_PIXELS:
                flat[cell] = image[cell] - numpy.nanmedian(image[cell])
    return flat


def coverage_steps(pictures, coverage, objects):
    """Steps of A - B where the coverage of A changes, in units of A's noise there, and their errors.

    Along a column (or row) at least LEAST_LINES pixels of which have another coverage than their neighbour, the mean
    profile of NEAR_PX on both sides is fitted with a parabola and a step. Pixels of objects, and lines that hold
    anything beyond FARTHEST sigma, take no part.
    """
    difference = numpy.where(objects, numpy.nan, pictures[0] - pictures[1])
    steps = []
    for values, covered in ((difference, coverage), (difference.T, coverage.T)):
        for x in range(NEAR_PX, values.shape[1] - NEAR_PX):
            near = slice(x - NEAR_PX, x + NEAR_PX)
            lines = (covered[:, x] != covered[:, x - 1]) & (covered[:, near].min(axis=1) > 0)
            if lines.sum() >= LEAST_LINES:
                step = fitted_step(values[lines, near])
                if step:
                    steps.append(step)
    return numpy.array(steps).reshape(-1, 2)


def fitted_step(lines):
    """(step, standard error) in units of the noise of one of the two pictures; None where too little sky is left."""
    lines = lines[numpy.isfinite(lines).all(axis=1)]
    if len(lines) < LEAST_LINES // 2:
        return None
    lines = lines - numpy.median(lines, axis=1)[:, None]
    noise = clipped_scale(lines.ravel())
    lines = lines[abs(lines).max(axis=1) < FARTHEST * noise]
    if len(lines) < LEAST_LINES // 2:
        return None
    place = (numpy.arange(2 * NEAR_PX) - NEAR_PX + 0.5) / NEAR_PX
    terms = numpy.stack([numpy.ones(len(place)), place, place ** 2, 0.5 * numpy.sign(place)], axis=1)
    error = numpy.sqrt(numpy.linalg.inv(terms.T @ terms)[3, 3] / len(lines)) * numpy.sqrt(2)
    step = numpy.linalg.lstsq(terms, lines.mean(axis=0), rcond=None)[0][3]
    return step / (noise / numpy.sqrt(2)), error
