"""Does the sky of a picture show where tiles, frames, sessions or the image end? All in units of the noise a pixel.

A step is looked for across lines parallel to an edge: of four strips side by side, STRIP_PX wide and SEGMENT_PX
long, with levels m0 to m3, it is 1.5 (m2 - m1) - 0.5 (m3 - m0), which neither a slope nor a bend moves much.
"""
import numpy

from images import clipped_scale

STRIP_PX, SEGMENT_PX = 8, 128
LEAST_SHARE = 0.2        # of a strip's pixels that must be sky
SESSION_COVERAGE = 0.75  # of the frames: fewer is another session's ground
SESSION_REACH_PX = 48    # frames of a session end over some 40 px


def sky_figures(image, difference, used, coverage, noise, size):
    """`image`: the picture without the known scene, or the difference where none is known; `difference`: product -
    plain mean at equal flux; `used`: sky. Returns a dict:

    level: rms over cells of two tiles of the level of the difference, its own noise and its mean taken away;
    border: rms of the steps along the four borders of the image, or of what all frames cover, two tiles deep, beyond
        their errors;
    session: the same where a session ends.
    """
    return {"level": large_scale(difference / noise, used & (coverage >= coverage.max()), 2 * size),
            "border": excess(border_steps(image / noise, used, 2 * size)),
            "session": excess(session_steps(image / noise, used, coverage))}


def large_scale(values, used, cell):
    levels, errors = [], []
    for y in range(0, values.shape[0] - cell + 1, cell):
        for x in range(0, values.shape[1] - cell + 1, cell):
            box = (slice(y, y + cell), slice(x, x + cell))
            sky = values[box][used[box]]
            if sky.size >= LEAST_SHARE * cell * cell:
                levels.append(numpy.median(sky))
                errors.append(1.2533 * clipped_scale(sky) / numpy.sqrt(sky.size))
    if len(levels) < 4:
        return numpy.nan
    return float(numpy.sqrt(max(0.0, numpy.var(levels) - numpy.mean(numpy.square(errors)))))


def excess(steps):
    """Rms of [(step, error)] beyond the errors."""
    if len(steps) < 4:
        return numpy.nan
    steps = numpy.array(steps)
    return float(numpy.sqrt(max(0.0, numpy.mean(steps[:, 0] ** 2 - steps[:, 1] ** 2))))


def border_steps(values, used, depth):
    """Steps along the borders of the box that holds all of `used`."""
    rows, columns = numpy.nonzero(used.any(axis=1))[0], numpy.nonzero(used.any(axis=0))[0]
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    values, used = values[box], used[box]
    steps = []
    for turn in range(4):
        side, sky = numpy.rot90(values, turn), numpy.rot90(used, turn)
        distance = numpy.broadcast_to(numpy.arange(side.shape[1]), side.shape)
        steps += segment_steps(side, sky & (distance < depth), distance)
    return steps


def session_steps(values, used, coverage):
    """Steps where the coverage falls below SESSION_COVERAGE for good: at least a tenth of the image lies behind."""
    inside = coverage >= SESSION_COVERAGE * coverage.max()
    behind = (coverage > 0) & ~inside
    if behind.mean() < 0.1:
        return []
    distance = distance_from(inside, SESSION_REACH_PX) - distance_from(~inside, SESSION_REACH_PX)
    frame = 40  # the borders of the image are another matter
    near = numpy.zeros_like(used)
    near[frame:-frame, frame:-frame] = True
    near &= used & (abs(distance) <= SESSION_REACH_PX)
    return segment_steps(values, near, distance + SESSION_REACH_PX)


def distance_from(region, farthest):
    """Steps of one pixel, in four and in eight directions by turns, to `region`; farthest + 1 beyond `farthest`."""
    distance = numpy.where(region, 0, farthest + 1)
    reached = region
    for k in range(1, farthest + 1):
        wider = reached.copy()
        wider[1:] |= reached[:-1]
        wider[:-1] |= reached[1:]
        beside = reached if k % 2 else wider.copy()
        wider[:, 1:] |= beside[:, :-1]
        wider[:, :-1] |= beside[:, 1:]
        distance[wider & ~reached] = k
        reached = wider
    return distance


def without_surface(values, used):
    """values[used] without the surface of second degree that fits them best, as what is masked must not make steps, and
    the scale of what is left."""
    v, u = (2 * n / max(1, n.max()) - 1 for n in numpy.indices(values.shape))
    terms = numpy.stack([numpy.ones(values.shape), u, v, u * u, u * v, v * v], axis=-1)[used]
    found, kept = values[used], numpy.ones(used.sum(), bool)
    for _ in range(4):
        rest = found - terms @ numpy.linalg.lstsq(terms[kept], found[kept], rcond=None)[0]
        kept = abs(rest) <= 3 * clipped_scale(rest[kept])
    return rest, clipped_scale(rest)


def segment_steps(values, used, distance):
    """[(step, error)] of every place in every segment of SEGMENT_PX rows."""
    strips = int(distance[used].max()) // STRIP_PX + 1 if used.any() else 0
    steps = []
    for top in range(0, values.shape[0], SEGMENT_PX):
        rows = slice(top, top + SEGMENT_PX)
        sky = used[rows]
        if sky.sum() < STRIP_PX * SEGMENT_PX:
            continue
        strip = distance[rows][sky] // STRIP_PX
        found, scale = without_surface(values[rows], sky)
        count = numpy.bincount(strip, minlength=strips)
        level = [numpy.median(found[strip == k]) if count[k] else 0 for k in range(strips)]
        for k in range(strips - 3):
            if count[k:k + 4].min() >= LEAST_SHARE * STRIP_PX * SEGMENT_PX:
                m, n = level[k:k + 4], count[k:k + 4]
                error = 1.2533 * scale * numpy.sqrt(2.25 / n[1] + 2.25 / n[2] + 0.25 / n[0] + 0.25 / n[3])
                steps.append((1.5 * (m[2] - m[1]) - 0.5 * (m[3] - m[0]), error))
    return steps
