"""Runs on two halves of a night, and the noise that their difference shows.

On real nights the sky holds more than noise: unresolved stars, nebulae, patterns that all frames share. In akb64 they
are 14 times the noise, and a sharper picture shows more of them. The difference of two halves has none of it.
"""
import numpy

from frames import frame_paths
from images import background_rms, read_image


def half_runs(bench, base, block):
    """Runs on two halves of the frames: blocks of `block` frames in turn."""
    paths = frame_paths(bench.data.frames_dir(bench.work))
    for part in (0, 1):
        folder = bench.work / f"half-{block}-{part}"
        if not folder.exists():
            folder.mkdir()
            for i, path in enumerate(paths):
                if i // block % 2 == part:
                    (folder / path.name).symlink_to(path.resolve())
        yield bench.program.run(bench.program.arguments(base, folder, bench.data.settings), bench.work)


def noise_of_halves(bench, run):
    """Noise of the difference of two halves (sixths of the night in turn) of a run's picture over that of their plain
    means, both at equal star flux."""
    block = max(1, len(frame_paths(bench.data.frames_dir(bench.work))) // 6)
    halves = list(half_runs(bench, run, block))
    name = "classical" if run.product == "classical.fits" else "reconstruction"
    picture, plain = ([read_image(half / f"{which}.fits") for half in halves] for which in (name, "classical"))
    return noise_of_difference(bench.field, *picture) / noise_of_difference(bench.field, *plain)


def noise_of_difference(field, first, second):
    difference = first / field.flux_ratio(first) - second / field.flux_ratio(second)
    return background_rms(numpy.nan_to_num(difference), field.sky_mask | ~numpy.isfinite(difference))
