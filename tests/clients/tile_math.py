"""The numbers of a tile in double precision and in the written order [docs/tile.md]: the same bits as the program's.

Planes are numpy arrays [row][column]; NaN is a sample that is missing. Served are tiles without rejection, noise guard,
local sky and edge feather, with `local_metrics.mode: seeing` and no limit of shares; `unserved` says what is missing.
"""
import math

import numpy as np

NUMERICS_VERSION = "4"
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
EPSILON = 1e-6
ROW_STEP, FEWEST_RESIDUALS = 4, 64
KEPT_BY_3_SIGMA_CUT = 0.98658


def unserved(config):
    """What of config.json this client cannot compute; empty when nothing."""
    wanted = {("numerics_version",): [NUMERICS_VERSION], ("data", "zero_is_nodata"): [True, False],
              ("global_metrics", "max_frame_share"): [0], ("local_metrics", "mode"): ["seeing"],
              ("local_metrics", "min_effective_fraction"): [0], ("reconstruction", "local_sky"): ["none"],
              ("reconstruction", "rejection"): ["none"], ("reconstruction", "noise_guard"): ["off"],
              ("reconstruction", "edge_feather_px"): [0]}
    problems = []
    for path, served in wanted.items():
        value = config
        for key in path:
            value = value[key]
        if not any(value is v or (type(v) is not bool and type(value) is not bool and value == v) for v in served):
            problems.append(f"{'.'.join(path)}: {value}")
    return ", ".join(problems)


def exact_exp(x):
    if x > 709.782712893384:
        return math.inf
    if x < -745.2:
        return 0.0
    turns = x * 1.44269504088896338700
    k = int(turns + (-0.5 if turns < 0 else 0.5))
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    p = 1.0 / math.factorial(14)
    for n in range(13, 2, -1):
        p = p * r + 1.0 / math.factorial(n)
    p = p * r + 0.5
    return math.ldexp(1.0 + (r + r * r * p), k)


def exact_log(x):
    m, k = math.frexp(x)
    m, k = 2 * m, k - 1
    if m > 1.41421356237309504880:
        m, k = m * 0.5, k + 1
    f = m - 1.0
    s = f / (m + 1.0)
    t = s * s
    p = 1.0 / 21.0
    for n in range(19, 1, -2):
        p = p * t + 1.0 / n
    return k * LN2_HIGH + (f - s * (f - 2.0 * t * p) + k * LN2_LOW)


def median(ordered):
    """Of values in ascending order."""
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else (float(ordered[half - 1]) + float(ordered[half])) / 2


def clipped_median(values):
    kept = np.sort(values.astype(np.float64))
    for _ in range(10):
        middle = median(kept)
        s = 1.4826 * median(np.sort(abs(kept - middle)))
        inside = kept[abs(kept - middle) <= 3 * s]
        if s == 0 or len(inside) == len(kept):
            break
        kept = inside
    return median(kept)


def local_quality(frames, metrics, box, sharpness):
    """Q of every frame: -n log(FWHM / F) at the middle of the tile."""
    x0, y0, w, h = box
    x, y = x0 + 0.5 * (w - 1), y0 + 0.5 * (h - 1)
    u, v = (2 * x + 1) / metrics["image_width"] - 1, (2 * y + 1) / metrics["image_height"] - 1
    terms = [1, u, v, u * u, u * v, v * v]
    log_seeing = exact_log(metrics["seeing_px"])
    ratios = []
    for frame in frames:
        value = 0.0
        for coefficient, term in zip(frame["fwhm_surface"], terms):
            value += coefficient * term
        ratios.append(value - log_seeing if frame["fwhm_surface"] else None)
    measured = sorted(r for r in ratios if r is not None)
    typical = median(measured) if measured else 0.0
    return [(typical if r is None else r) * -sharpness for r in ratios]


def in_chunks(values, chunk):
    """Sum of plain numbers: partial sums of `chunk` values each, then those."""
    total = 0.0
    for begin in range(0, len(values), chunk):
        partial = 0.0
        for value in values[begin:begin + chunk]:
            partial += value
        total += partial
    return total


class Sums:
    """Sums over frames at every pixel: w I', w, w^2, w^2 sigma^2, and the number of frames."""

    def __init__(self, cube, weights, noise, chunk):
        shape = cube[0].shape
        self.value, self.weight, self.squares, self.variance = (np.zeros(shape) for _ in range(4))
        self.count = np.zeros(shape, dtype=np.int32)
        for begin in range(0, len(cube), chunk):
            parts = [np.zeros(shape) for _ in range(4)]
            for f in range(begin, min(begin + chunk, len(cube))):
                valid, w = ~np.isnan(cube[f]), weights[f]
                for part, term in zip(parts, (w * np.nan_to_num(cube[f]), w, w * w, w * w * (noise[f] * noise[f]))):
                    part += np.where(valid, term, 0.0)
                self.count += valid
            self.value += parts[0]
            self.weight += parts[1]
            self.squares += parts[2]
            self.variance += parts[3]


def one_after_the_other(values):
    return float(np.cumsum(values)[-1]) if len(values) else 0.0


def noise_in_tile(cube, weights, noise, chunk):
    """sigma of every frame inside the tile: its residuals from the weighted mean on every fourth row."""
    rows = [plane[::ROW_STEP] for plane in cube]
    sums = Sums(rows, weights, noise, chunk)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(sums.weight > 0, sums.value / sums.weight, np.nan)
    total = squares = 0.0
    for w in weights:
        total += w
        squares += w * w
    result = []
    for plane, w, sigma in zip(rows, weights, noise):
        left = 1 - 2 * w / total + squares / (total * total)
        residuals = (plane - mean).ravel()
        residuals = residuals[~np.isnan(residuals)]
        middle, limit = 0.0, 3 * sigma
        for _ in range(2):
            kept = residuals[(residuals - middle <= limit) & (residuals - middle >= -limit)]
            if len(kept) < FEWEST_RESIDUALS or not left > 0:
                break
            mean_kept = one_after_the_other(kept) / len(kept)
            spread = one_after_the_other(kept * kept) / len(kept) - mean_kept * mean_kept
            sd = math.sqrt(max(0.0, spread) / (KEPT_BY_3_SIGMA_CUT * KEPT_BY_3_SIGMA_CUT))
            middle, limit, sigma = mean_kept, 3 * sd, sd / math.sqrt(left)
        result.append(sigma)
    return result


class Channel:
    """One channel of a tile: planes, tables and scalars of its file and its result."""

    def __init__(self, cutouts, frames, metrics, box, config):
        """`cutouts`: float32 planes of the frames, in order; `frames`: their metrics of this channel."""
        chunk = config["reconstruction"]["frame_chunk"]
        self.quality = local_quality(frames, metrics, box, config["local_metrics"]["sharpness"])
        self.frame_weight = [f["inverse_variance"] * exact_exp(q) for f, q in zip(frames, self.quality)]
        cube = []
        for cutout, frame in zip(cutouts, frames):
            offset, gain, pedestal = frame["normalization"]
            cube.append((cutout.astype(np.float64) - offset) * gain + pedestal)
        noise = noise_in_tile(cube, self.frame_weight, [f["noise"] for f in frames], chunk)
        self.mean_of(Sums(cube, self.frame_weight, noise, chunk), Sums(cube, [1.0] * len(cube), noise, chunk))
        self.sum_weights = in_chunks(self.frame_weight, chunk)
        values = np.sort(self.pixels[~np.isnan(self.pixels)].astype(np.float64))
        self.background = clipped_median(values) if len(values) else 0.0
        self.median = median(values) - self.background if len(values) else 0.0

    def mean_of(self, sums, plain):
        """`plain`: the same with all weights 1, for pixels whose weights are too small."""
        self.coverage = sums.count
        self.weight = sums.weight.astype(np.float32)
        too_small = (sums.weight < EPSILON) & (sums.count > 0)
        self.fallback = bool(too_small.any())
        with np.errstate(invalid="ignore", divide="ignore"):
            maps = []
            for s in (sums, plain):
                maps.append([s.value / s.weight, s.variance / (s.weight * s.weight), s.weight * s.weight / s.squares])
            chosen = [np.where(too_small, p, m) for m, p in zip(*maps)]
        nothing = sums.count == 0
        self.pixels, self.variance = (np.where(nothing, np.nan, m).astype(np.float32) for m in chosen[:2])
        self.n_eff = np.where(nothing, 0, chosen[2]).astype(np.float32)
