"""The formulas of methodology.md in plain numpy, written from that text and sharing nothing with the program.

Planes are double arrays (height, width), NaN where a sample is invalid. A box is (x0, y0, w, h). Numbers in
brackets name the section. What the text leaves open is marked "convention".
"""
import hashlib
import math

import numpy as np
from astropy.io import fits

import star_fit

KEPT_BY_3_SIGMA_CUT = 0.98658
EPSILON = 1e-6
ZERO_WINDOW = 16  # px: wider than a star
LEAST_NOISE = 0.1  # of the median: no frame outweighs the median one more than 100 times


# Frames [1]

def read_frame(path, zero_is_nodata):
    """Planes [channel] of a FITS file, tile-compressed or not, and q: BSCALE for integers, 0 for floats."""
    with fits.open(path, do_not_scale_image_data=True) as hdus:
        image = next(h for h in hdus if h.header["NAXIS"] > 0)
        codes = np.array(image.data)
        integer = codes.dtype.kind in "iu"
        if isinstance(image, fits.CompImageHDU):
            if not integer:
                raise ValueError("%s: compressed floats are not covered" % path)
            header = image._header
            bscale, bzero = float(header.get("BSCALE", 1)), float(header.get("BZERO", 0))
        else:
            bscale, bzero = float(image._orig_bscale), float(image._orig_bzero)
        blank = image.header.get("BLANK")
    values = bzero + bscale * codes.astype(np.float64)
    values = values.astype(np.float32).astype(np.float64)  # convention: rounded once to float32 at reading
    if integer and blank is not None:
        values[codes == blank] = np.nan
    values[~np.isfinite(values)] = np.nan
    planes = [values] if values.ndim == 2 else list(values)
    for plane in planes:
        if zero_is_nodata == "auto":
            drop_zero_borders(plane)
        elif zero_is_nodata:
            plane[plane == 0] = np.nan
    return planes, abs(bscale) if integer else 0.0


def sums_of_windows(plane):
    """Sums over all windows of 16 x 16 pixels inside `plane`, by the window's first pixel."""
    sums = np.pad(plane.astype(np.int64), ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    n = ZERO_WINDOW
    return sums[n:, n:] - sums[:-n, n:] - sums[n:, :-n] + sums[:-n, :-n]


def drop_zero_borders(plane):
    """A zero is no data if some window of 16 x 16 pixels around it holds no sample but zeros; outside the image there
    are none (convention)."""
    empty = (plane == 0) | np.isnan(plane)
    bare = sums_of_windows(np.pad(empty, ZERO_WINDOW - 1, constant_values=True)) == ZERO_WINDOW ** 2
    plane[(sums_of_windows(bare) > 0) & (plane == 0)] = np.nan


def valid_of(plane):
    return plane[~np.isnan(plane)]


# Order statistics and robust scale [2]

def median(values):
    return float(np.median(values)) if len(values) else 0.0


def robust_sd(values):
    return 1.4826 * median(np.abs(values - median(values)))


def z_scores(values):
    values = np.asarray(values, dtype=np.float64)
    return (values - median(values)) / max(robust_sd(values), 1e-6)


def middle_of_codes(values, q):
    """The median, interpolated inside the code that holds it."""
    values = np.sort(values)
    n = len(values)
    code = values[(n - 1) // 2]  # convention: the lower of two middle codes (equal result for neighbours)
    n_below = np.count_nonzero(values < code)
    n_at = np.count_nonzero(values == code)
    return float(code + q * ((n / 2 - n_below) / n_at - 0.5))


def clip(values, q):
    """(location, scale) of what the 3-sigma clip keeps; zeros for no values."""
    if len(values) == 0:
        return 0.0, 0.0
    for _ in range(10):
        m = median(values)
        s = max(robust_sd(values), q)
        if s == 0:
            break
        kept = values[np.abs(values - m) <= 3 * s]
        if len(kept) == len(values):
            break
        values = kept
    location = middle_of_codes(values, q) if q > 0 else median(values)
    mean = np.mean(values)
    sd = math.sqrt(np.mean((values - mean) ** 2))  # convention: divided by n
    return location, sd / KEPT_BY_3_SIGMA_CUT


def gradient_energy(plane):
    """E [4]: mean of gx^2 + gy^2 (Sobel / 8) where the whole 3x3 neighbourhood is valid; 0 for nowhere."""
    def at(dy, dx):
        h, w = plane.shape
        return plane[1 + dy:h - 1 + dy, 1 + dx:w - 1 + dx]
    gx = (at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1)) / 8
    gy = (at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1)) / 8
    whole = ~np.isnan(at(0, 0))  # gx and gy together touch every neighbour but the centre
    energy = np.where(whole, gx * gx + gy * gy, np.nan)
    energy = valid_of(energy)
    return float(np.mean(energy)) if len(energy) else 0.0


# Frames: normalisation, metrics, weight [3, 4]

def measure_frame(plane, q, mode):
    """B, sigma, E of I - B or I / B, the share of valid pixels and the normalisation.

    sigma is the clip's scale on I'. The clip commutes with the normalisation, so it is done on I: there the
    codes are whole numbers and |x - m| = 3 s is met exactly.
    """
    valid = valid_of(plane)
    location, scale = clip(valid, q)
    background = median(valid) if mode == "median" else location
    photometric = mode == "photometric"
    gain = 1.0 if photometric else 1 / background
    return {"background": background, "noise": scale * gain, "gradient_energy": gradient_energy(plane * gain),
            "valid_fraction": len(valid) / plane.size, "gain": gain, "flux_scale": 1.0,
            "offset": background if photometric else 0.0, "pedestal": 0.0}


def apply_flux_scale(frame, flux_scale, pedestal):
    """I' = (I - B) / phi + S."""
    frame.update(flux_scale=flux_scale, gain=1 / flux_scale, pedestal=pedestal,
                 noise=frame["noise"] / flux_scale, gradient_energy=frame["gradient_energy"] / flux_scale ** 2)


def normalised(samples, frame):
    """I' of samples, or of a level."""
    return (samples - frame["offset"]) * frame["gain"] + frame["pedestal"]


def plain_mean(planes):
    """Mean of the valid samples of every pixel, NaN where there is none, and their number."""
    number = np.sum([~np.isnan(p) for p in planes], axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.sum([np.nan_to_num(p) for p in planes], axis=0) / number, number


def level_above(residuals, noise):
    """Mean of the residuals within 3 sigma of the frame from their median; over every fourth row, or over all where
    these hold fewer than 64 pixels."""
    for rows in (residuals[::4], residuals):
        values = valid_of(rows)
        if len(values) >= 64:
            break
    if not len(values):
        return 0.0
    middle = np.median(values)
    kept = values[np.abs(values - middle) <= 3 * noise]
    return float(kept.mean()) if len(kept) else float(middle)


def scatter_variance(planes, noise, mean):
    """Variance of the plain mean of normalised frames as they scatter about `mean`, each frame's level taken away in
    squares of 64 px, pooled over 5 x 5 px; where no two frames meet, that of a typical frame."""
    height, width = mean.shape
    squares, number = np.zeros(mean.shape), np.zeros(mean.shape, int)
    for plane, of_frame in zip(planes, noise):
        residual = plane - mean
        for y in range(0, height, 64):
            for x in range(0, width, 64):
                residual[y:y + 64, x:x + 64] -= level_above(residual[y:y + 64, x:x + 64], of_frame)
        squares += np.nan_to_num(residual) ** 2
        number += ~np.isnan(plane)
    several = number > 1
    pooled = [sum(np.pad(values, 2)[j:j + height, i:i + width] for j in range(5) for i in range(5))
              for values in (np.where(several, squares, 0.0), np.where(several, number - 1.0, 0.0))]
    with np.errstate(invalid="ignore", divide="ignore"):
        of_frame = np.where(pooled[1] > 0, pooled[0] / pooled[1], np.median(noise) ** 2)
        return np.where(number > 0, of_frame / number, np.nan)


def inverse_variances(frames):
    """1 / sigma^2 over its median; a small sigma counts as a tenth of the median."""
    noise = np.array([f["noise"] for f in frames])
    typical = median(noise)
    return (typical / np.maximum(noise, LEAST_NOISE * typical)) ** 2


def adaptive_weights(z_scores):
    """Weights of three z-scores proportional to their variances, each in 0.1 .. 0.7; None when none varies."""
    variances = np.array([np.var(z) for z in z_scores])
    if variances.sum() == 0:
        return None
    clipped = np.clip(variances / variances.sum(), 0.1, 0.7)
    return clipped / clipped.sum()


def limited(weights, share):
    """No weight above `share` of the sum after it, by bisection of the limit; 20 and more weights only."""
    weights = np.array(weights, dtype=float)
    if not share > 0 or len(weights) < 20 or weights.max() <= share * weights.sum():
        return weights
    low, high = 0.0, weights.max()
    for _ in range(200):
        middle = (low + high) / 2
        if middle > share * np.minimum(weights, middle).sum():
            high = middle
        else:
            low = middle
    return np.minimum(weights, low)


def weigh_frames(frames, settings):
    """Adds z-scores, Q, G and the inverse variances to the frames of one channel."""
    z_background = z_scores([f["background"] for f in frames])
    z_noise = z_scores([f["noise"] for f in frames])
    z_gradient = z_scores([f["gradient_energy"] for f in frames])
    weights = [settings["weights"][name] for name in ("background", "noise", "gradient")]
    if settings["adaptive_weights"]:
        adapted = adaptive_weights((z_background, z_noise, z_gradient))
        weights = weights if adapted is None else adapted
    quality = weights[0] * -z_background + weights[1] * -z_noise + weights[2] * z_gradient
    quality = np.clip(quality, *settings["clamp"])
    share = settings["max_frame_share"]
    inverse = limited(inverse_variances(frames), share)
    by_quality = limited([math.exp(q) for q in quality], share)
    for i, frame in enumerate(frames):
        weight = inverse[i] if settings["mode"] == "inverse_variance" else by_quality[i]
        frame.update(z_background=z_background[i], z_noise=z_noise[i], z_gradient=z_gradient[i],
                     quality=quality[i], weight=weight, inverse_variance=inverse[i])


# Grid [6] and class of a tile [5]

def tile_size_and_overlap(width, height, seeing, settings):
    shorter = min(width, height)
    smallest = max(16, settings["min_size"])
    largest = math.floor(shorter / settings["max_divisor"])
    size = math.floor(min(max(settings["size_factor"] * seeing, smallest), largest))
    size = max(size, smallest)
    if shorter < size:
        return shorter, 0
    return size, math.floor(settings["overlap_fraction"] * size)


def tile_starts(length, size, step):
    starts = list(range(0, length - size + 1, step))
    if starts[-1] + size < length:
        starts.append(length - size)
    return starts


def tile_boxes(width, height, size, overlap):
    step = size - overlap
    return [(x, y, size, size)
            for y in tile_starts(height, size, step) for x in tile_starts(width, size, step)]


def stars_inside(box, stars, radius):
    """Stars whose box, of `radius` px around the nearest pixel, lies inside the tile."""
    x0, y0, w, h = box
    count = 0
    for x, y in stars:
        column, row = math.floor(x + 0.5), math.floor(y + 0.5)
        if (x0 <= column - radius and column + radius < x0 + w
                and y0 <= row - radius and row + radius < y0 + h):
            count += 1
    return count


def cut(plane, box):
    x0, y0, w, h = box
    return plane[y0:y0 + h, x0:x0 + w]


# Local metrics of STRUCTURE tiles [7]

def structure_metrics(samples, q, frame, min_valid_fraction):
    """(E/s, b) of one frame's cut-out on I', or None without enough valid pixels."""
    valid = valid_of(samples)
    if len(valid) < min_valid_fraction * samples.size:
        return None
    location, scale = clip(valid, q)
    energy = gradient_energy(samples * frame["gain"])
    noise = scale * frame["gain"]
    return (energy / noise if noise > 0 else 0.0), normalised(location, frame)


def structure_quality(metrics, settings):
    """Q over the frames of a tile; frames without measurement get the median of the others' Q."""
    measured = [i for i, m in enumerate(metrics) if m is not None]
    quality = np.zeros(len(metrics))
    if measured:
        z_metric = z_scores([metrics[i][0] for i in measured])
        z_background = z_scores([metrics[i][1] for i in measured])
        weights = settings["structure_mode"]
        of_measured = weights["metric_weight"] * z_metric - weights["background_weight"] * z_background
        quality[:] = median(of_measured)  # convention: of the unclamped Q; all are clamped afterwards
        quality[measured] = of_measured
    return np.clip(quality, *settings["clamp"])


def star_metrics(samples, q, frame, min_valid_fraction, box, stars, radius):
    """(log FWHM, R, C) of one frame's cut-out, or None without coverage or without a star."""
    valid = valid_of(samples)
    if len(valid) < min_valid_fraction * samples.size:
        return None
    b = normalised(clip(valid, q)[0], frame)
    shapes = [star_fit.measure(samples, x - box[0], y - box[1], radius) for x, y in stars]
    shapes = [s for s in shapes if s]
    if not shapes:
        return None
    contrast = [(normalised(s["sky"] + s["peak"], frame) - b) / max(b, 1e-6) for s in shapes]
    return (math.log(median(np.array([s["fwhm"] for s in shapes]))),
            median(np.array([s["axis_ratio"] for s in shapes])), median(np.array(contrast)))


def star_quality(metrics, settings):
    """Q over the frames of a tile; frames without measurement get the median of the others' Q."""
    measured = [i for i, m in enumerate(metrics) if m is not None]
    quality = np.zeros(len(metrics))
    if measured:
        z_fwhm, z_ratio, z_contrast = (z_scores([metrics[i][k] for i in measured]) for k in range(3))
        weights = settings["star_mode"]["weights"]
        of_measured = (weights["fwhm"] * -z_fwhm + weights["roundness"] * z_ratio
                       + weights["contrast"] * z_contrast)
        quality[:] = median(of_measured)
        quality[measured] = of_measured
    return np.clip(quality, *settings["clamp"])


# Levels of tiles [9] and overlap-add [10]

def tile_levels(pixels):
    """(tile_background, tile_median) of a reconstructed tile."""
    values = valid_of(pixels.astype(np.float64))
    background, _ = clip(values, 0.0)
    return background, median(values - background)


def tile_scales(tile_medians):
    """M / tile_median for every tile."""
    common = median(np.asarray(tile_medians))
    return [common / m if abs(m) >= 1e-6 else 1.0 for m in tile_medians]


def axis_window(start, size, length):
    window = [0.5 * (1 - math.cos(2 * math.pi * (i + 0.5) / size)) for i in range(size)]
    for i in range(size):
        outer_left = start == 0 and i + 0.5 < size / 2
        outer_right = start + size == length and i + 0.5 > size / 2
        if outer_left or outer_right:
            window[i] = 1.0
    return np.array(window)


def overlap_add(width, height, boxes, tiles):
    """Windowed mean of the tiles over those that have a finite value; NaN where none has."""
    numerator, window_sum = np.zeros((height, width)), np.zeros((height, width))
    for box, tile in zip(boxes, tiles):
        x0, y0, w, h = box
        window = np.outer(axis_window(y0, h, height), axis_window(x0, w, width))
        finite = np.isfinite(tile)
        cut(numerator, box)[finite] += window[finite] * tile[finite].astype(np.float64)
        cut(window_sum, box)[finite] += window[finite]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(window_sum > 0, numerator / window_sum, np.nan)


# Digests

def pixel_digest(image):
    """SHA-256 of float32 pixels as a FITS data unit holds them, every NaN as 0x7fc00000."""
    raw = np.asarray(image, dtype=np.float32).astype(">f4").view(">u4").copy()
    raw[np.isnan(image)] = 0x7FC00000
    return hashlib.sha256(raw.tobytes()).hexdigest()


def file_digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()
