"""Reconstruction of one tile over frames [methodology.md 9; docs/method.md, Extensions] in plain numpy.

Cubes are double arrays (frame, height, width) of I', NaN where a sample is invalid. Conventions: the pixels are rounded
to float32 where they leave a step (I' for rejection, means, ramps).
"""
import math

import numpy as np

import frame_extensions as extensions
import method_oracle as method

ROW_STEP = 4           # rows that the noise inside a tile is measured on
FEWEST_RESIDUALS = 64
SIGNIFICANT = 10       # sigma, of a tile's median over its background


# Rejection [9.3]

def medians(values):
    """Median of every column of (frame, pixel) without its NaN, and their number."""
    number = np.count_nonzero(~np.isnan(values), axis=0)
    ordered = np.sort(values, axis=0)  # NaN last
    last = np.maximum(number - 1, 0)
    lower = np.take_along_axis(ordered, (last // 2)[None], axis=0)[0].astype(np.float64)
    upper = np.take_along_axis(ordered, ((last + 1) // 2)[None], axis=0)[0].astype(np.float64)
    return 0.5 * (lower + upper), number


def robust_scales(values, middle):
    return 1.4826 * medians(abs(values - middle).astype(np.float32))[0]


def contrast_tolerance(middle, number, least):
    """d: 4 times the range of the medians within 3 x 3 px beyond 4 s_0 / sqrt(n), flat."""
    highest = largest_within(np.where(np.isnan(middle), -np.inf, middle), 1)
    lowest = -largest_within(np.where(np.isnan(middle), -np.inf, -middle), 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        beyond = highest - lowest - 4 * least / np.sqrt(number)
    return 4 * np.nan_to_num(np.maximum(beyond, 0), posinf=0).ravel()


def starlight(middle, spread_px):
    """How much brighter than here it is within reach of the light of frames whose stars are spread, flat; else 0."""
    if not spread_px.any():
        return np.zeros(middle.size)
    known = np.where(np.isnan(middle), -np.inf, middle)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(largest_within(known, math.ceil(spread_px.max())) - known, posinf=0).ravel()


def sigma_clip(cube, noise, settings, spread_px):
    """(kept, plain, low, high, light): mask of the frames' samples, pixels that stay plain, rejected samples a frame,
    light of these against the last median, summed over frames: below, above."""
    frames, shape = len(cube), cube.shape[1:]
    values = cube.reshape(frames, -1).astype(np.float32)
    typical = method.median(noise)
    wider = np.maximum(1, noise / typical)[:, None] if typical > 0 else np.ones((frames, 1))
    middle, valid = medians(values)
    scale = robust_scales(values, middle)
    least = max(method.median(scale[valid > 1]), typical)
    further = contrast_tolerance(np.where(valid > 0, middle, np.nan).reshape(shape), valid.reshape(shape), least)
    near_star = starlight(np.where(valid > 0, middle, np.nan).reshape(shape), spread_px)
    further_up = np.where(spread_px[:, None] > 0, np.maximum(further, near_star), further)
    low, high = np.zeros(values.shape, dtype=bool), np.zeros(values.shape, dtype=bool)
    open_pixels, last_middle, last_limit = np.arange(values.shape[1]), middle, np.maximum(scale, least)
    for _ in range(settings["rejection_rounds"]):
        left = np.where((low | high)[:, open_pixels], np.float32(np.nan), values[:, open_pixels])
        middle, number = medians(left)
        limit = np.maximum(robust_scales(left, middle), least)
        last_middle[open_pixels], last_limit[open_pixels] = middle, limit
        with np.errstate(invalid="ignore"):
            above = left - middle > (settings["sigma_high"] * limit + further_up[:, open_pixels]) * wider
            below = left - middle < -(settings["sigma_low"] * limit + further[open_pixels]) * wider
        high[:, open_pixels] |= above
        low[:, open_pixels] |= below
        open_pixels = open_pixels[(above | below).any(axis=0) & (number > 0)]
    left = valid - np.count_nonzero(low | high, axis=0)
    plain = (left < valid) & (left < settings["rejection_min_kept_fraction"] * valid)
    low[:, plain] = high[:, plain] = False
    kept, high = ~(low | high).reshape(cube.shape), high.reshape(cube.shape)
    above = (values - last_middle).reshape(cube.shape)
    follow_tracks(kept, high, above, wider[:, 0], last_limit.reshape(shape), further.reshape(shape),
                  plain.reshape(shape), settings["rejection_min_kept_fraction"])
    light = [np.where(which, above, 0).sum(axis=0) for which in (low.reshape(cube.shape), high)]
    return kept, plain.reshape(shape), low.sum(axis=1), high.sum(axis=(1, 2)), light


def near(y, x, shape):
    return np.s_[max(0, y - 1):min(shape[0], y + 2), max(0, x - 1):min(shape[1], x + 2)]


def follow_tracks(kept, high, above, wider, limit, further, plain, least_share):
    """Rejects the surroundings of tracks, frame after frame: while they are bright, then two borders more."""
    valid = (~np.isnan(above)).sum(axis=0)
    left = (kept & ~np.isnan(above)).sum(axis=0)
    for f, frame in enumerate(above):
        usable = ~np.isnan(frame) & ~plain
        with np.errstate(invalid="ignore", divide="ignore"):
            excess = (frame / wider[f] - further) / limit
        track = [tuple(place) for place in np.argwhere(high[f])]

        def may_lose(y, x):
            return kept[f, y, x] and usable[y, x] and left[y, x] - 1 >= least_share * valid[y, x]

        def reject(y, x):
            kept[f, y, x], high[f, y, x] = False, True
            left[y, x] -= 1
            track.append((y, x))

        def lost(y, x):
            return np.count_nonzero(~kept[f][near(y, x, frame.shape)])

        def places(y, x):
            rows, columns = near(y, x, frame.shape)
            return [(v, u) for v in range(rows.start, rows.stop) for u in range(columns.start, columns.stop)]

        def still_bright(y, x):
            box = near(y, x, frame.shape)
            chosen = kept[f][box] & usable[box] & (limit[box] > 0)
            return excess[box][chosen].sum() > 2 * math.sqrt(np.count_nonzero(chosen))

        for y, x in track:  # grows under way
            if lost(y, x) >= 3:
                for v, u in places(y, x):
                    if may_lose(v, u) and still_bright(v, u):
                        reject(v, u)
        for _ in range(2):
            border = [(v, u) for y, x in track for v, u in places(y, x) if may_lose(v, u) and lost(v, u) >= 3]
            for v, u in border:
                if kept[f, v, u]:
                    reject(v, u)


# Noise of the frames inside the tile

def residual_noise(cube, used, weights, ramps, noise, dark=False):
    """Noise of I' less the weighted mean over every fourth row, cut at 3 sigma, freed of the frame's own part. `dark`:
    where that mean is not above its median."""
    rows = np.s_[:, ::ROW_STEP]
    used, parts = used[rows], np.where(used, weights[:, None, None] * ramps, 0)[rows]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (parts * np.nan_to_num(cube[rows])).sum(axis=0) / parts.sum(axis=0)
        if dark:
            mean = np.where(mean > method.median(method.valid_of(mean)), np.nan, mean)
        residuals = cube[rows] - mean
    used = used & ~np.isnan(residuals)
    share = weights / weights.sum()
    left = 1 - 2 * share + (share ** 2).sum()
    result, middle, limit = np.array(noise), np.zeros(len(noise)), 3 * np.array(noise)
    for _ in range(2):
        for f in range(len(noise)):
            kept = residuals[f][used[f]]
            kept = kept[abs(kept - middle[f]) <= limit[f]]
            if len(kept) >= FEWEST_RESIDUALS and left[f] > 0:
                sd = kept.std() / method.KEPT_BY_3_SIGMA_CUT
                middle[f], limit[f], result[f] = kept.mean(), 3 * sd, sd / math.sqrt(left[f])
    return result


# Weighted means [9.1]

class Mean:
    """R and its maps."""

    def __init__(self, cube, used, weights, noise, plain):
        """`weights` (frame, height, width); `plain` pixels and those without weight are plain means of all."""
        valid = ~np.isnan(cube)
        weights = np.where(used & valid, weights, 0)
        self.coverage, self.weight = valid.sum(axis=0), weights.sum(axis=0)
        self.fallback = (self.weight < method.EPSILON) & (self.coverage > 0)
        self.plain_mean = self.fallback | plain
        weights = np.where(self.plain_mean, valid, weights)
        sums, nothing = weights.sum(axis=0), self.coverage == 0
        with np.errstate(invalid="ignore", divide="ignore"):
            pixels = (weights * np.nan_to_num(cube)).sum(axis=0) / sums
            variance = (weights ** 2 * noise[:, None, None] ** 2).sum(axis=0) / sums ** 2
            effective = sums ** 2 / (weights ** 2).sum(axis=0)
        self.pixels = np.where(nothing, np.nan, pixels).astype(np.float32)
        self.variance = np.where(nothing, np.nan, variance)
        self.n_eff = np.where(nothing, 0, effective)
        self.held = np.zeros(nothing.shape, dtype=bool)  # at an end of the tile's range, see Tile.mean


# Noise guard [9.5]

def smoothing_matrix(n, sigma):
    """Gaussian out to 3 sigma; at the border what lies outside has no weight."""
    away = np.arange(n)[:, None] - np.arange(n)[None, :]
    taps = np.where(abs(away) <= math.ceil(3 * sigma), np.exp(-0.5 * (away / sigma) ** 2), 0)
    return taps / taps.sum(axis=1, keepdims=True)


def smooth(plane, sigma):
    return smoothing_matrix(plane.shape[0], sigma) @ plane @ smoothing_matrix(plane.shape[1], sigma).T


def largest_within(plane, reach):
    wide = np.pad(plane, reach, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (2 * reach + 1, 2 * reach + 1))
    return windows.max(axis=(2, 3))


def guard_stars(sharp, quiet, settings, seeing):
    """(s, c) at every pixel: discs around the cores of what is as small as a star and stands out in both, and the
    light that they cut off of it, smoothed."""
    core = max(1.0, 0.3 * seeing)
    difference = np.nan_to_num(sharp.astype(np.float64) - quiet)
    gain, excess = (smooth(plane, core) - smooth(plane, 2.5 * core) for plane in (
        difference,
        np.where(np.isnan(quiet), method.median(method.valid_of(quiet.astype(np.float64))), quiet)))
    sd = method.robust_sd(gain.ravel())
    share, around = np.zeros(sharp.shape), np.zeros(sharp.shape)
    if sd == 0:
        return share, around
    low, high = settings["noise_guard_low"], settings["noise_guard_high"]
    at_core = extensions.smoothstep((gain / sd - low) / (high - low))
    highest = largest_within(gain, max(1, math.floor(seeing + 0.5)))
    deepest = largest_within(-gain, max(1, math.floor(1.5 * seeing + 0.5)))
    at_core[(excess <= 0) | (gain < 0.5 * highest) | (highest < 1.5 * deepest)] = 0
    reach = max(1.0, settings["noise_guard_reach_fwhm"] * seeing)
    rows, columns = np.mgrid[:sharp.shape[0], :sharp.shape[1]]
    for y, x in np.argwhere(at_core > 0):
        away = np.hypot(rows - y, columns - x)
        share = np.maximum(share, at_core[y, x] * (1 - extensions.smoothstep((away / reach - 0.8) / 0.5)))
        if gain[y, x] == highest[y, x]:
            around = np.maximum(around, at_core[y, x] * (1 - extensions.smoothstep((away / seeing - 3.5) / 2)))
    return share, smooth(around * (1 - share) * difference, max(1.0, seeing))


class Tile:
    """Everything that all frames decide together; `mean` sums any of them."""

    def __init__(self, cube, frames, weights, box, settings, seeing, most_share=0.0):
        """`frames`: metrics of every frame of the channel; `weights`: W of every frame; `most_share`: of one of them."""
        self.cube, self.settings = cube, settings
        shape = cube.shape[1:]
        ramps = np.array([extensions.edge_ramp(f["footprint"], box, settings["edge_feather_px"]) for f in frames])
        noise = np.array([f["noise"] for f in frames])
        self.kept, self.plain = np.ones(cube.shape, dtype=bool), np.zeros(shape, dtype=bool)
        self.low = self.high = np.zeros(len(cube))
        self.rejected_light = None
        if settings["rejection"] == "sigma_clip":
            self.kept, self.plain, self.low, self.high, self.rejected_light = sigma_clip(
                cube, noise, settings, np.array([f.get("spread_px", 0.0) for f in frames]))
        used = self.kept & ~np.isnan(cube)
        self.noise = residual_noise(cube, used, weights, ramps, noise)
        self.weights = weights[:, None, None] * ramps
        self.guarded, self.given_back = 0, None
        if settings["noise_guard"] == "significance":
            inside = residual_noise(cube, used, weights, ramps, noise, True)
            inside = np.maximum(inside, 0.1 * method.median(inside))
            quiet = np.array([f["inverse_variance"] for f in frames]) * (noise / inside) ** 2
            self.guard(np.array(method.limited(quiet, most_share))[:, None, None] * ramps, seeing)

    def guard(self, quiet_weights, seeing):
        sharp = self.mean()
        quiet = Mean(self.cube, self.kept, quiet_weights, self.noise, self.plain)
        s, self.given_back = guard_stars(sharp.pixels, quiet.pixels, self.settings, seeing)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(quiet.weight > 0, sharp.weight / quiet.weight, 0)
        self.weights = (1 - s) * ratio * quiet_weights + s * self.weights
        self.guarded = int(np.count_nonzero(s < 1))

    def mean(self, members=slice(None)):
        mean = Mean(self.cube[members], self.kept[members], self.weights[members], self.noise[members], self.plain)
        if self.given_back is not None:  # no pixel leaves the range of the tile's mean
            low, high = np.nanmin(mean.pixels), np.nanmax(mean.pixels)
            brighter = (mean.pixels + self.given_back).astype(np.float32)
            mean.pixels = np.clip(brighter, low, high)
            mean.held = (brighter < low) | (brighter > high)
        return mean


# Synthetic tiles [11]

def weighted_average(parts):
    """The mean of a cluster's tiles weighted by their sums of weights: a stand-in for Mean."""
    pixels = np.array([p.pixels for p in parts], dtype=np.float64)
    weights = np.where(np.isnan(pixels), 0, [p.weight.astype(np.float32) for p in parts]).astype(np.float64)
    sums = weights.sum(axis=0)
    result = Mean.__new__(Mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        result.pixels = ((weights * np.nan_to_num(pixels)).sum(axis=0) / sums).astype(np.float32)
        result.variance = (weights ** 2 * np.nan_to_num([p.variance for p in parts])).sum(axis=0) / sums ** 2
        frames = np.array([p.n_eff for p in parts])
        result.n_eff = np.where(sums > 0, sums ** 2 / np.where(weights > 0, weights ** 2 / frames, 0).sum(axis=0), 0)
    result.weight, result.coverage = sums, np.sum([p.coverage for p in parts], axis=0)
    return result


# Rescale to the classical stack [9.4]

def above_background(pixels):
    """(background, median above it or 0 where that is within the noise)."""
    values = method.valid_of(pixels.astype(np.float64))
    background, noise = method.clip(values, 0.0)
    above = method.median(values) - background
    return background, above if above > SIGNIFICANT * noise else 0.0


def reference_scale(tile, reference):
    """(scale, level before, level after): R' = (R - before) scale + after."""
    background, found = above_background(tile)
    of_reference, expected = above_background(reference)
    if found > 0 and expected > 0:
        return min(max(expected / found, 0.8), 1.25), background, of_reference
    offset, _ = method.clip(method.valid_of((reference - tile).astype(np.float64)), 0.0)
    return 1.0, background, background + offset
