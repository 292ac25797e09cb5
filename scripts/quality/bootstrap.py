"""Errors of figures by drawing the frames again, with replacement."""
import shutil

import numpy

from frames import best_half, frame_paths
from images import read_image
from measure import measure
from rows import ROWS
from stacks import equalised, inverse_variance, weighted_mean

KEYS = (("fwhm_change", "FWHM change %", "{:.2f}"), ("rms_ratio", "rms ratio", "{:.4f}"),
        ("snr_ratio", "star SNR", "{:.4f}"), ("scatter", "scatter %", "{:.2f}"))


def bootstrap_errors(bench, resamples, seed=1):
    """Markdown table: standard deviation over resamples of each figure, relative to the plain mean of the same
    draw. Rows: inverse variance, best half (chosen anew from each draw), the recommended profile."""
    facts, field = bench.facts, bench.field
    even = equalised(bench.stack, facts)
    random = numpy.random.default_rng(seed)
    found = {"inverse variance": [], "best half, plain mean": [], "recommended": []}
    for _ in range(resamples):
        drawn = numpy.bincount(random.integers(0, len(even), len(even)), minlength=len(even))
        plain = measure(weighted_mean(even, drawn), field)
        for name, image in (("inverse variance", weighted_mean(even, drawn * inverse_variance(facts))),
                            ("best half, plain mean", weighted_mean(even, half_of(drawn, facts))),
                            ("recommended", recommended_of(bench, drawn))):
            row = measure(image, field)
            found[name].append([100 * (row["fwhm"] / plain["fwhm"] - 1), row["rms_ratio"] / plain["rms_ratio"],
                                row["snr_ratio"] / plain["snr_ratio"], row["scatter"]])
    lines = [f"Standard errors from {resamples} bootstrap draws of the frames:", "",
             "| product | " + " | ".join(title for _, title, _ in KEYS) + " |", "|---|" + "---|" * len(KEYS)]
    for name, values in found.items():
        errors = numpy.std(values, axis=0, ddof=1)
        lines.append(f"| {name} | " + " | ".join(text.format(e) for e, (_, _, text) in zip(errors, KEYS)) + " |")
    return "\n".join(lines)


def half_of(drawn, facts):
    """Multiplicities of the better half of a draw."""
    order = numpy.repeat(numpy.arange(len(drawn)), drawn)
    chosen = order[best_half({key: values[order] for key, values in facts.items()})]
    return numpy.bincount(chosen, minlength=len(drawn))


def recommended_of(bench, drawn):
    """A run of the recommended profile on the frames drawn, each as often as it was."""
    folder = bench.work / "drawn"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, times in zip(frame_paths(bench.data.frames_dir(bench.work)), drawn):
        for copy in range(times):
            (folder / f"{copy:03d}-{path.name}").symlink_to(path.resolve())
    shutil.rmtree(bench.work / "drawn-out", ignore_errors=True)
    row = ROWS["recommended"]
    settings = [*bench.data.settings, "input.duplicates=keep"]
    run_dir = bench.program.run(bench.program.arguments(row, folder, settings), bench.work / "drawn-out")
    return read_image(run_dir / row.product)
