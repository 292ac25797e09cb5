"""States, clusters and synthetic frames [methodology.md 11] in plain numpy."""
import numpy as np


def state_vectors(metrics, quality):
    """Standardised (frame, 5) from metrics [channel][frame] and Q [channel][tile][frame]."""
    per_channel = []
    for frames, of_tiles in zip(metrics, quality):
        of_tiles = np.asarray(of_tiles)
        per_channel.append(np.stack([[f["weight"] for f in frames], of_tiles.mean(axis=0), of_tiles.var(axis=0),
                                     [f["background"] for f in frames], [f["noise"] for f in frames]], axis=1))
    states = np.mean(per_channel, axis=0)
    result = np.zeros_like(states)
    for i in range(states.shape[1]):
        if np.ptp(states[:, i]) > 0:
            result[:, i] = (states[:, i] - states[:, i].mean()) / states[:, i].std()
    return result


def cluster_count(frames, settings):
    return min(frames, min(max(frames // 10, settings["frames_min"]), settings["frames_max"]))


def enabled(frames, settings):
    return frames >= 200 if settings["enabled"] == "auto" else settings["enabled"]


def centres_of(states, cluster, count):
    return np.array([states[cluster == k].mean(axis=0) for k in range(count)])


def squared_distances(states, centres):
    """(frame, centre)"""
    return ((states[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)


def inertia(states, cluster, count):
    centres = centres_of(states, cluster, count)
    return float(((states - centres[cluster]) ** 2).sum())


def frames_nearer_elsewhere(states, cluster, count):
    """Frames that lie nearer to the centre of another cluster: none at a fixed point of k-means.

    A frame alone in its cluster, or as near to two centres, is where it may be.
    """
    distance = squared_distances(states, centres_of(states, cluster, count))
    own = distance[np.arange(len(states)), cluster]
    return int(np.count_nonzero(distance.min(axis=1) < own - 1e-9 * (1 + own)))


def naive_k_means(states, count, random):
    """Inertia of one start from frames drawn at random."""
    centres = states[random.choice(len(states), count, replace=False)]
    cluster = np.zeros(len(states), dtype=int)
    for _ in range(300):
        nearest = squared_distances(states, centres).argmin(axis=1)
        if (nearest == cluster).all():
            break
        cluster = nearest
        centres = np.array([states[cluster == k].mean(axis=0) if (cluster == k).any() else centres[k]
                            for k in range(count)])
    return float(squared_distances(states, centres).min(axis=1).sum())


def average_stack(planes, coverages, weights, variances, n_effs):
    """Plain mean over the planes that have a value, sums of coverage and weight, variance and effective frames."""
    finite = np.isfinite(planes)
    number = finite.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(number > 0, np.nansum(planes, axis=0) / number, np.nan)
        variance = np.where(number > 0, np.nansum(variances, axis=0) / number ** 2, np.nan)
        effective = np.where(number > 0, number ** 2 / np.where(finite, 1 / np.array(n_effs), 0).sum(axis=0), 0)
    return mean, np.sum(coverages, axis=0), np.sum(weights, axis=0), variance, effective
