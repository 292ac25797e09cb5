"""Levelled skies [docs/method.md, The sky of a frame] in plain numpy: samples of every frame, surfaces through them.

A surface is an array (rows, columns) of coefficients of quadratic B-splines. Conventions: the mean of the first pass is
rounded to float32; the turns of the fit end as the program's do.
"""
import numpy as np

import method_oracle as method

SMALLEST_INTERVAL, MOST_INTERVALS, CELLS = 64, 8, 3
STIFFNESS, FLATNESS, RIDGE = 0.01, 0.06, 1e-9
TOLERANCE = 1e-3  # of the median noise
MOST_TURNS = 200
UNITS = 1024      # of a frame's noise that the record counts in


def intervals(width, height):
    longer = max(width, height)
    most = min(max(longer // SMALLEST_INTERVAL, 1), MOST_INTERVALS)
    return [max(1, (2 * size * most + longer) // (2 * longer)) for size in (width, height)]


def splines(places, size, count):
    """Values of all count + 2 splines at places of an axis, one row a place."""
    u = (np.asarray(places, dtype=np.float64) + 0.5) / size * count
    first = np.clip(np.floor(u).astype(int), 0, count - 1)
    t = u - first
    values = np.zeros((len(u), count + 2))
    for k, v in enumerate(((1 - t) ** 2 / 2, 0.5 + t * (1 - t), t ** 2 / 2)):
        values[np.arange(len(u)), first + k] = v
    return values


def surface(units, noise, box, width, height):
    """The surface of a frame on record at the pixels of a box, in I'."""
    across, down = intervals(width, height)
    coefficients = np.asarray(units, dtype=np.float64).reshape(down + 2, across + 2) / UNITS * noise
    x0, y0, w, h = box
    return splines(range(y0, y0 + h), height, down) @ coefficients @ splines(range(x0, x0 + w), width, across).T


def borders(size, count):
    return [size * i // (CELLS * count) for i in range(CELLS * count + 1)]


def sample(frame, mean, coverage, others, width, height):
    """(above, x, y, pixels) of every cell. `frame`: I'; `others`: the mean of the other frames."""
    across, down = intervals(width, height)
    xs, ys = borders(width, across), borders(height, down)
    step = [max(1, b[1] // 32) | 1 for b in (ys, xs)]
    known = ~np.isnan(frame) & (coverage > 1)
    samples = []
    for j in range(len(ys) - 1):
        for i in range(len(xs) - 1):
            cell = np.s_[ys[j]:ys[j + 1]:step[0], xs[i]:xs[i + 1]:step[1]]
            around = np.s_[ys[max(0, j - 1)]:ys[min(len(ys) - 1, j + 2)]:2 * step[0],
                           xs[max(0, i - 1)]:xs[min(len(xs) - 1, i + 2)]:2 * step[1]]
            samples.append((0, 0, 0, 0))
            if known[cell].sum() < max(32, 0.9 * (coverage[cell] > 0).sum()):
                continue
            highest = method.median(others[around][known[around]])
            v, u = np.nonzero(known[cell] & (np.where(known[cell], others[cell], np.inf) <= highest))
            above = (frame[cell] - mean[cell])[v, u]
            if len(above):
                kept = abs(above - method.median(above)) <= 3 * method.robust_sd(above)
                if kept.sum() >= 16:
                    samples[-1] = (above[kept].mean(), xs[i] + step[1] * u[kept].mean(),
                                   ys[j] + step[0] * v[kept].mean(), kept.sum())
    return np.array(samples)


def penalty(rows, columns):
    """Squares of the second differences along rows, columns and across, and a little of the first."""
    index = np.arange(rows * columns).reshape(rows, columns)
    total = RIDGE * np.eye(index.size)

    def charge(terms, strength):
        for places in zip(*(part.ravel() for part, _ in terms)):
            row = np.zeros(index.size)
            row[list(places)] = [factor for _, factor in terms]
            total[:] += strength * np.outer(row, row)

    for grid in (index, index.T):
        charge([(grid[1:], 1), (grid[:-1], -1)], FLATNESS)
        charge([(grid[2:], 1), (grid[1:-1], -2), (grid[:-2], 1)], 1)
    charge([(index[1:, 1:], 1), (index[1:, :-1], -1), (index[:-1, 1:], -1), (index[:-1, :-1], 1)], 2)
    return total


def fit(samples, noise, width, height):
    """Coefficients of every frame; `samples` (frame, cell, 4)."""
    across, down = intervals(width, height)
    above, x, y, pixels = np.moveaxis(samples, 2, 0)
    size = (across + 2) * (down + 2)
    surfaces = np.zeros((len(samples), size))
    if not pixels.any():
        return surfaces
    terms = np.einsum("fcj,fci->fcji",
                      splines(y.ravel(), height, down).reshape(x.shape + (-1,)),
                      splines(x.ravel(), width, across).reshape(x.shape + (-1,))).reshape(x.shape + (-1,))
    stiff = STIFFNESS * pixels[pixels > 0].mean() * penalty(down + 2, across + 2)
    inverse = np.linalg.inv(np.einsum("fc,fci,fcj->fij", pixels, terms, terms) + stiff)
    support = np.einsum("fc,fci->fi", pixels, terms ** 2)
    largest = support.max(axis=0)
    support = np.where(largest > 0, support / np.where(largest > 0, largest, 1), 0)
    supported, known = support.sum(axis=0), pixels.sum(axis=0)
    common = np.zeros(x.shape[1])
    for _ in range(MOST_TURNS):
        before = surfaces
        surfaces = np.einsum("fij,fj->fi", inverse, np.einsum("fc,fci->fi", pixels * (above - common), terms))
        balance = np.where(supported >= 1e-6, surfaces.sum(axis=0) / np.maximum(supported, 1e-6), 0)
        surfaces = surfaces - support * balance
        rest = above - np.einsum("fci,fi->fc", terms, surfaces)
        common = np.where(known > 0, (pixels * rest).sum(axis=0) / np.maximum(known, 1), 0)
        if abs(surfaces - before).max() <= TOLERANCE * method.median(noise):
            break
    return surfaces
