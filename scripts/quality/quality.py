#!/usr/bin/python3
"""Makes the table of docs/quality.md for one or more data sets. See scripts/quality.sh."""
import argparse
import datetime
import json
import pathlib
import re
import sys

import numpy

import rejection
import rows as row_kinds
import truth
from bootstrap import bootstrap_errors
from datasets import DATA_SETS, NIGHTS_OF_DEFECTS, ROOT
from faults import noise_at_stars, shadow_row
from frames import measure_frames, read_frames
from halves import noise_of_halves
from images import read_image
from measure import Field, digest_name, markdown, measure
from nulls import null_tests
from rejection import rejection_rows
from rows import CLASSICAL, ROWS
from runs import NotOffered, Program, RunFailed, run_seconds, timed, write_picture
from stacks import equalised


SKY_DEGREE = 4  # of the polynomial that takes moonlight away from nights that have some


class Bench:
    """One data set: its frames, the field measured on, and the pictures of the rows."""

    def __init__(self, data, program, work):
        self.data, self.program, self.work = data, program, work / data.name
        self.work.mkdir(parents=True, exist_ok=True)
        data.prepare(self.work, program.path)
        self._stack = self._facts = self._truth = None
        model = read_image(self.work / "night" / "truth.fits") if data.simulate else None
        moon = (self.work / "night" / "sky_field.fits").exists()
        self.field = Field.of_run(self.run_dir(ROWS[CLASSICAL]), model, SKY_DEGREE if moon else 0)

    def run_dir(self, run):
        arguments = self.program.arguments(run, self.data.frames_dir(self.work), self.data.settings)
        return self.program.run(arguments, self.work)

    @property
    def stack(self):
        if self._stack is None:
            self._stack = read_frames(self.data.frames_dir(self.work))
        return self._stack

    @property
    def facts(self):
        path = self.work / "frames.npz"
        if self._facts is None and path.exists():
            self._facts = dict(numpy.load(path))
        if self._facts is None:
            self._facts = measure_frames(self.stack, self.field)
            numpy.savez(path, **self._facts)
        return self._facts

    def picture(self, name):
        return self.picture_of(ROWS[name], name)

    def picture_of(self, row, name):
        """(path, CPU seconds) of a row's picture; `name` names the file of those that are no run."""
        if isinstance(row, row_kinds.Run):
            run_dir = self.run_dir(row)
            if row.product == "stacked.fit" and row.config == row_kinds.V2 and not (run_dir / "synthetic").is_dir():
                raise NotOffered("no synthetic frames here: the stack is the reconstruction")
            return run_dir / row.product, run_seconds(run_dir)
        path = self.work / f"{slug(name)}.fits"
        stamp = path.with_suffix(".json")
        if not stamp.exists():
            facts = self.facts
            if isinstance(row, row_kinds.Siril):
                _, seconds = timed(lambda: row.make(self.stack, facts, path))
            else:
                image, seconds = timed(lambda: row.make(equalised(self.stack, facts), facts, self.stack))
                write_picture(path, image)
            stamp.write_text(json.dumps({"seconds": seconds}))
        return path, json.loads(stamp.read_text())["seconds"]

    def truth_figures(self, name):
        """What only a simulated night can tell of the row."""
        night, row = self.work / "night", ROWS[name]
        if self._truth is None:
            self._truth = truth.Truth(night, self.field)
        path, plain = (self.picture(which)[0] for which in (name, CLASSICAL))
        figures = self._truth.figures(read_image(path))
        figures.update(shadow_row(path, plain, night, self.field.outside))
        if isinstance(row, row_kinds.Run) and row.product != "classical.fits":
            figures.update(truth.weight_ranks(self.run_dir(row), night))
        return figures

    @staticmethod
    def own_mean(path):
        """The plain mean of the run that made a picture; None for what no run of ours made."""
        mean = path.with_name("classical.fits")
        return read_image(mean) if mean.exists() else None

    def figures(self, name):
        """The row's figures, kept beside the picture's digest and that of the measuring code."""
        path, seconds = self.picture(name)
        key = digest_name(path)
        store = self.work / "figures" / f"{slug(name)}-{key}.json"
        if not store.exists():
            store.parent.mkdir(exist_ok=True)
            for old in store.parent.glob(f"{slug(name)}-*.json"):
                old.unlink()
            store.write_text(json.dumps(measure(read_image(path), self.field, own_mean=self.own_mean(path))))
        figures = {**json.loads(store.read_text()), "around": noise_at_stars(path, self.field), "seconds": seconds}
        if not self.data.simulate and isinstance(ROWS[name], row_kinds.Run):
            figures["noise"] = noise_of_halves(self, ROWS[name])
        return figures


def slug(name):
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")


def measure_rows(bench, wanted):
    """Measures the rows asked for; returns all that are known: {name: {"row": .., "truth": .., "date": ..}}."""
    store = bench.work / "rows.json"
    known = json.loads(store.read_text()) if store.exists() else {}
    missing = []
    for name in wanted:
        known.pop(name, None)
        try:
            entry = {"row": bench.figures(name), "date": f"{datetime.date.today()}"}
            if bench.data.simulate:
                entry["truth"] = bench.truth_figures(name)
            known[name] = entry
            print(f"{bench.data.name}: {name}", file=sys.stderr)
        except (NotOffered, RunFailed) as reason:
            missing.append(f"{name} ({reason})")
    if missing:
        print("left out: " + "; ".join(missing), file=sys.stderr)
    store.write_text(json.dumps(known, indent=1))
    return known


def tables(bench, known):
    order = [name for name in ROWS if name in known] + [name for name in known if name not in ROWS]
    dates = sorted({entry["date"] for entry in known.values()})
    text = [f"## {bench.data.name}", "", f"{bench.data.text[0].upper()}{bench.data.text[1:]}.",
            f"{len(bench.field.stars)} stars, {int((~bench.field.outside).sum())} px that all frames cover. "
            f"{' and '.join(dates)}.", "",
            markdown([(name, known[name]["row"]) for name in order]), ""]
    if bench.data.simulate:
        against = [(name, known[name]["truth"]) for name in order]
        text += ["Against the scene:", "", markdown(against, truth.COLUMNS), ""]
    return text


def own_file(name):
    """A file of where the script was called, else one of the project."""
    return str(pathlib.Path(name).resolve()) if pathlib.Path(name).is_file() else name


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", choices=DATA_SETS, default=list(DATA_SETS))
    parser.add_argument("--rows", nargs="+", default=list(ROWS), help="names of rows, or parts of names")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build" / "quality")
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "build" / "release" / "tilecompile")
    parser.add_argument("--bootstrap", type=int, default=0, metavar="N",
                        help="draws of the frames for standard errors of the cheap rows and the recommended profile")
    parser.add_argument("--try", dest="tries", nargs="+", action="append", default=[], metavar="CONFIG [KEY=VALUE...]",
                        help="one more row: a run of this file, here or in the project's folder, with these keys; repeatable")
    parser.add_argument("--nulls", action="store_true",
                        help="null tests too, of the last --try or the recommended profile")
    parser.add_argument("--rejection", action="store_true", help="only the table of planted defects")
    parser.add_argument("--reuse", action="store_true", help="take pictures that another build has made")
    options = parser.parse_args()
    options.out, options.program = options.out.resolve(), options.program.resolve()
    tried = {" ".join(run): row_kinds.Run(own_file(run[0]), tuple(run[1:])) for run in options.tries}
    ROWS.update(tried)
    wanted = [name for name in ROWS if any(part == name or part not in ROWS and part.lower() in name.lower()
                                           for part in options.rows)
              or name in tried]
    if not wanted:
        parser.error("no such row; there are: " + ", ".join(ROWS))
    program = Program(options.program, options.reuse)
    if options.rejection:
        nights = [Bench(NIGHTS_OF_DEFECTS[name], program, options.out) for name in ("defects", "clean")]
        text = "## Rejection\n\n" + markdown(rejection_rows(*nights), rejection.COLUMNS) + "\n"
        (options.out / "rejection.md").write_text(text)
        print(text)
        return
    for name in options.data:
        bench = Bench(DATA_SETS[name], program, options.out)
        text = tables(bench, measure_rows(bench, wanted))
        if options.bootstrap:
            errors = bootstrap_errors(bench, options.bootstrap)
            (bench.work / "bootstrap.md").write_text(errors + "\n")
        if options.nulls:
            (bench.work / "nulls.md").write_text(null_tests(bench, list(tried.values())[-1:]) + "\n")
        text += [path.read_text() for path in (bench.work / "bootstrap.md", bench.work / "nulls.md") if path.exists()]
        (options.out / f"{name}.md").write_text("\n".join(text))
        print("\n".join(text))


if __name__ == "__main__":
    main()
