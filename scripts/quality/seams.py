"""Does the tile grid show? Folds and steps of the difference product - plain mean, which has no sky in it.

The difference is taken at equal star flux, without stars (masked), without its large-scale part (a mesh of 2 T)
and without what is beyond 3 sigma, inside the area all frames cover, and divided by the product's noise per pixel.
"""
import numpy
import sep

from images import clipped_scale


def seam_figures(difference, mask, noise, grid):
    """`grid`: dict with tile edge T, step S. Returns a dict:

    fold: amplitude (rms) of the difference averaged over all columns (and rows) at the same place of the grid, above
        the median of the same figure at 10 other periods; one pattern in every tile shows here, in units of noise;
    step: rms of the jumps of the level across the tiles' borders, above the same at places in the inner half of
        tiles (several: one alone scatters as much as the borders); jumps of random sign, which cancel in the fold,
        show here.
    """
    size, step = grid["size"], grid["step"]
    if (~mask).sum() < 4 * size * size:
        return {"fold": numpy.nan, "step": numpy.nan}
    flat = numpy.where(mask, 0, difference)
    smooth = sep.Background(flat, mask=mask, bw=2 * size, bh=2 * size).back()
    flat = (flat - smooth) / noise
    used = ~mask & (abs(flat) <= 3 * clipped_scale(flat[~mask]))  # trails of hot pixels that a rejection took away
    flat = numpy.where(used, flat, 0)
    return {"fold": fold_amplitude(flat, used, step), "step": step_amplitude(flat, used, size, step)}


def fold_amplitude(flat, used, step):
    others = [period for period in range(step - 11, step + 12) if abs(period - step) >= 2 and period > 8]
    floor = numpy.median([folded_power(flat, used, period) for period in others])
    return float(numpy.sqrt(max(0.0, folded_power(flat, used, step) - floor)))


def folded_power(flat, used, period):
    """Variance of the folded profile, mean of both axes."""
    power = []
    for values, weights in ((flat, used), (flat.T, used.T)):
        phase = numpy.arange(values.shape[1]) % period
        total = numpy.bincount(phase, values.sum(axis=0), period)
        count = numpy.bincount(phase, weights.sum(axis=0), period)
        profile = total[count > 0] / count[count > 0]
        power.append(profile.var())
    return float(numpy.mean(power))


def step_amplitude(flat, used, size, step):
    """Borders lie in the middle of the overlap; the level on each side is a mean over a strip of 12 x S pixels."""
    overlap, width = size - step, 12
    border = []
    middle = []
    for values, weights in ((flat, used), (flat.T, used.T)):
        for start in range(step, values.shape[1] - size, step):
            border += jumps(values, weights, start, overlap, width, step)
            for inside in range(step // 4, 3 * step // 4 + 1, max(1, step // 8)):
                middle += jumps(values, weights, start + inside, overlap, width, step)
    if len(border) < 8 or len(middle) < 8:
        return numpy.nan
    return float(numpy.sqrt(max(0.0, numpy.mean(numpy.square(border)) - numpy.mean(numpy.square(middle)))))


def jumps(values, weights, start, overlap, width, step):
    found = []
    for top in range(0, values.shape[0] - step + 1, step):
        rows = slice(top + overlap, top + step)
        sides = [(rows, slice(start - width, start)), (rows, slice(start + overlap, start + overlap + width))]
        if min(s.start for _, s in sides) < 0 or sides[1][1].stop > values.shape[1]:
            continue
        counts = [weights[s].sum() for s in sides]
        if min(counts) >= 0.5 * width * (step - overlap):
            found.append(values[sides[1]].sum() / counts[1] - values[sides[0]].sum() / counts[0])
    return found
