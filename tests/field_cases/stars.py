"""Flux, width and sky of known stars in a picture; numpy alone, so that no other measurement is trusted."""
import numpy

APERTURE, SKY_IN, SKY_OUT = 6.0, 8.0, 13.0  # px
REACH = 14


def clipped_mean(values):
    values = values[numpy.isfinite(values)]
    for _ in range(5):
        near = abs(values - numpy.median(values)) <= 3 * max(numpy.std(values), 1e-12)
        if near.all() or not near.any():
            break
        values = values[near]
    return values.mean() if values.size else numpy.nan


def width_of(cut, dx, dy):
    """FWHM, px, of a star without its sky: second moment under a Gaussian that grows to fit it."""
    variance = 2.0
    for _ in range(40):
        weight = cut * numpy.exp(-(dx**2 + dy**2) / (2 * variance))
        total = numpy.nansum(weight)
        if not total > 0:
            return numpy.nan
        # Of a Gaussian under an equal weight the second moment is half of its own, so twice that is the next guess.
        found = numpy.nansum(weight * (dx**2 + dy**2)) / total
        if not 0.05 < found < 100:
            return numpy.nan
        variance = found
    return 2.3548 * numpy.sqrt(variance)


def measure(picture, stars):
    """(fluxes, FWHMs) at the places (x, y) of `stars`; NaN where a star is not seen whole."""
    fluxes, widths = [], []
    for x, y in stars:
        left, top = int(round(x)) - REACH, int(round(y)) - REACH
        if left < 0 or top < 0 or left + 2 * REACH >= picture.shape[1] or top + 2 * REACH >= picture.shape[0]:
            fluxes.append(numpy.nan)
            widths.append(numpy.nan)
            continue
        cut = picture[top:top + 2 * REACH + 1, left:left + 2 * REACH + 1].astype(float)
        dy, dx = numpy.mgrid[0:2 * REACH + 1, 0:2 * REACH + 1].astype(float)
        dx, dy = dx + left - x, dy + top - y
        radius = numpy.hypot(dx, dy)
        cut = cut - clipped_mean(cut[(radius > SKY_IN) & (radius < SKY_OUT)])
        fluxes.append(cut[radius <= APERTURE].sum())
        widths.append(width_of(numpy.where(radius <= APERTURE, cut, 0), dx, dy))
    return numpy.array(fluxes), numpy.array(widths)


def compare(picture, clean, stars):
    """(star flux, FWHM) of a picture over those of the clean one: medians over the stars that both show."""
    flux, width = measure(picture, stars)
    clean_flux, clean_width = measure(clean, stars)
    known = numpy.isfinite(flux) & numpy.isfinite(clean_flux) & (clean_flux > 0)
    shaped = numpy.isfinite(width) & numpy.isfinite(clean_width)
    # A star that has lost its shape must not drop out of the widths unseen.
    if known.sum() < 5 or shaped.sum() < 0.8 * numpy.isfinite(clean_width).sum():
        return (float(numpy.median(flux[known] / clean_flux[known])) if known.any() else numpy.nan), numpy.nan
    return (float(numpy.median(flux[known] / clean_flux[known])),
            float(numpy.median(width[shaped] / clean_width[shaped])))


def find(picture, count=25):
    """Places (x, y) of the brightest stars that stand alone, of a real picture."""
    filled = numpy.where(numpy.isfinite(picture), picture, numpy.nanmedian(picture))
    noise = 1.4826 * numpy.median(abs(filled - numpy.median(filled)))
    high, wide = filled.shape
    places, bright = [], numpy.argsort(filled, axis=None)[::-1]
    taken = numpy.zeros(filled.shape, bool)
    for index in bright[:20000]:
        y, x = divmod(int(index), wide)
        if filled[y, x] < numpy.median(filled) + 20 * noise:
            break
        if taken[y, x] or not (REACH < x < wide - REACH - 1 and REACH < y < high - REACH - 1):
            continue
        taken[y - REACH:y + REACH + 1, x - REACH:x + REACH + 1] = True
        cut = filled[y - 3:y + 4, x - 3:x + 4] - numpy.median(filled[y - 10:y + 11, x - 10:x + 11])
        if numpy.isnan(picture[y - REACH:y + REACH + 1, x - REACH:x + REACH + 1]).any() or cut.sum() <= 0:
            continue
        dy, dx = numpy.mgrid[-3:4, -3:4]
        places.append((x + (cut * dx).sum() / cut.sum(), y + (cut * dy).sum() / cut.sum()))
        if len(places) == count:
            break
    return places
