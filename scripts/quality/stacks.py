"""Plain stacks in numpy, for comparison. Frames are brought to one flux scale and sky first: (I - sky) / scale."""
import numpy

ROWS_AT_ONCE = 16


def equalised(stack, facts):
    sky, scale = facts["sky"][:, None, None], facts["scale"][:, None, None]
    return ((stack - sky) / scale + numpy.median(facts["sky"])).astype(numpy.float32)


def weighted_mean(stack, weights):
    """sum W I / sum W over the valid frames of each pixel."""
    result = numpy.empty(stack.shape[1:])
    weights = numpy.asarray(weights, dtype=numpy.float32)
    for top in range(0, stack.shape[1], ROWS_AT_ONCE):
        part = stack[:, top:top + ROWS_AT_ONCE]
        valid = numpy.isfinite(part)
        with numpy.errstate(invalid="ignore", divide="ignore"):
            result[top:top + ROWS_AT_ONCE] = (numpy.tensordot(weights, numpy.where(valid, part, 0), 1)
                                              / numpy.tensordot(weights, valid.astype(numpy.float32), 1))
    return result


def inverse_variance(facts):
    """Weights of sky-limited frames on one flux scale."""
    return (facts["scale"] / facts["noise"]) ** 2


def median_of_sorted(ordered):
    """Median over axis 0 of what is finite; `ordered` is sorted, NaN last."""
    count = numpy.isfinite(ordered).sum(axis=0)
    low, high = numpy.maximum(count - 1, 0) // 2, count // 2
    pick = [numpy.take_along_axis(ordered, numpy.minimum(i, len(ordered) - 1)[None], 0)[0] for i in (low, high)]
    return numpy.where(count > 0, 0.5 * (pick[0] + pick[1]), numpy.nan)


def clipped_mean(stack, low, high, rounds=3):
    """Mean of what lies within `low` and `high` standard deviations of the median, pixel by pixel, in rounds."""
    result = numpy.empty(stack.shape[1:])
    for top in range(0, stack.shape[1], ROWS_AT_ONCE):
        part = numpy.sort(stack[:, top:top + ROWS_AT_ONCE], axis=0)
        for _ in range(rounds):
            middle = median_of_sorted(part)
            with numpy.errstate(invalid="ignore"):
                spread = numpy.nanstd(part, axis=0)
                drop = (part < middle - low * spread) | (part > middle + high * spread)
            if not drop.any():
                break
            part = numpy.sort(numpy.where(drop, numpy.nan, part), axis=0)
        with numpy.errstate(invalid="ignore"):
            result[top:top + ROWS_AT_ONCE] = numpy.nanmean(part, axis=0)
    return result
