"""Reading products, the area that all frames cover, sky and noise.

An image is a float64 array (height, width) with NaN where nothing was observed; colour is measured on its green
plane. A mask is True where a pixel must not be used.
"""
import numpy
import sep
from astropy.io import fits

CELL_PX = 32


def read_image(path):
    """The image of the first HDU that has one; the second plane of a colour image."""
    with fits.open(path) as hdus:
        data = next(hdu.data for hdu in hdus if hdu.data is not None and hdu.data.ndim >= 2)
    image = numpy.ascontiguousarray(data, dtype=numpy.float64)
    return image if image.ndim == 2 else image[min(1, len(image) - 1)]


def grow(mask, steps):
    """`mask` with every True pixel widened by a square of 2 steps + 1 pixels."""
    grown = mask.copy()
    for _ in range(steps):
        wider = grown.copy()
        wider[1:] |= grown[:-1]
        wider[:-1] |= grown[1:]
        grown = wider.copy()
        grown[:, 1:] |= wider[:, :-1]
        grown[:, :-1] |= wider[:, 1:]
    return grown


def subtract_sky(image, mask, outside, fwhm_px):
    """`image` minus a smooth sky (clipped modes of a mesh of 16 FWHM over what `mask` leaves), 0 `outside`."""
    mesh = max(32, int(16 * fwhm_px))
    empty = image if mask is None else numpy.where(mask, 0, image)
    sky = sep.Background(empty, mask=mask, bw=mesh, bh=mesh)
    return numpy.where(outside, 0, image - sky.back())


def without_bend(image, sky, degree):
    """`image` without the polynomial of this degree that fits what is sky best."""
    v, u = (2 * n / (size - 1) - 1 for n, size in zip(numpy.indices(image.shape), image.shape))
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    terms = numpy.stack([u[sky] ** i * v[sky] ** j for i, j in powers], axis=1)
    fit = numpy.linalg.lstsq(terms, image[sky], rcond=None)[0]
    return image - sum(a * u ** i * v ** j for a, (i, j) in zip(fit, powers))


def object_mask(image, outside, fwhm_px):
    """True on everything that stands out by 3 sigma after smoothing with the PSF, and `outside`."""
    flat = subtract_sky(image, outside, outside, fwhm_px)
    _, segments = sep.extract(flat, 3.0, err=clipped_scale(flat[~outside]), mask=outside, minarea=4,
                              filter_kernel=gaussian_kernel(fwhm_px), segmentation_map=True)
    return (segments > 0) | outside


def clipped_scale(values, step=0.0, rounds=10):
    """Standard deviation inside 3 sigma, corrected for the cut of a Gaussian; `step`: of the data's codes."""
    values = numpy.asarray(values, dtype=numpy.float64)
    if values.size < 2:
        return numpy.nan
    centre = numpy.median(values)
    scale = 1.4826 * numpy.median(abs(values - centre))
    for _ in range(rounds):
        kept = values[abs(values - centre) <= 3 * max(step, scale)]
        if kept.size < 2:
            return 0.0
        last, scale, centre = scale, kept.std() / 0.98658, numpy.median(kept)
        if abs(scale - last) <= 1e-9 * scale:
            break
    return scale


def robust_sd(values):
    values = numpy.asarray(values)
    return 1.4826 * numpy.median(abs(values - numpy.median(values))) if values.size else numpy.nan


def background_rms(image, mask):
    """Median over cells of 32 x 32 px, with at least 150 px of sky, of the clipped scale of a cell's sky."""
    scales = []
    height, width = image.shape
    for y in range(0, height - CELL_PX + 1, CELL_PX):
        for x in range(0, width - CELL_PX + 1, CELL_PX):
            cell = (slice(y, y + CELL_PX), slice(x, x + CELL_PX))
            sky = image[cell][~mask[cell]]
            if sky.size >= 150:
                scales.append(clipped_scale(sky))
    return float(numpy.median(scales)) if scales else numpy.nan


def gaussian_kernel(fwhm_px):
    """Round Gaussian out to two FWHM, sum 1."""
    reach = int(numpy.ceil(2 * fwhm_px))
    grid = numpy.arange(-reach, reach + 1)
    kernel = numpy.exp(-4 * numpy.log(2) * (grid[:, None] ** 2 + grid[None, :] ** 2) / fwhm_px ** 2)
    return kernel / kernel.sum()


def convolve(image, kernel):
    """`image` convolved with a small odd `kernel`, zeros beyond the border, same shape."""
    height, width = (a + b - 1 for a, b in zip(image.shape, kernel.shape))
    product = numpy.fft.rfft2(image, (height, width)) * numpy.fft.rfft2(kernel, (height, width))
    full = numpy.fft.irfft2(product, (height, width))
    top, left = kernel.shape[0] // 2, kernel.shape[1] // 2
    return full[top:top + image.shape[0], left:left + image.shape[1]]
