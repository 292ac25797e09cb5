#!/usr/bin/python3
"""Inputs as users have met them: frames that do not belong, odd numbers, headers, times and folders.

Usage: field_cases.py PROGRAM [--case PART OF NAME]... [--slow | --all] [--table] [--jobs N] [--keep DIR]

Every case is a small seeded night with one thing wrong, or real frames with an intruder. A run of it must end with the
right exit code and words, leave out what does not belong, and give the picture of the clean night: star flux and FWHM
within 1 %, the same bits where frames were left out, the right cards. --slow takes the cases that need minutes (real
frames, whole nights), --all both. --table prints every row in Markdown. Exit code 1 when a row is not as it must be, 77
when something is missing and nothing else is wrong.
"""
import argparse
import concurrent.futures
import os
import pathlib
import shutil
import signal
import sys
import tempfile

try:
    from bench import Bench, Missing
except ImportError as lack:
    print(f"skipped: {lack}; scripts/install-deps.sh --tests installs it", file=sys.stderr)
    sys.exit(77)
import header_cases
import intruder_cases
import listing_cases
import mixed_cases
import number_cases
import raw_cases
import real_cases
import small_cases

CASES = [case for module in (intruder_cases, number_cases, header_cases, listing_cases, small_cases, raw_cases, mixed_cases,
                           real_cases)
         for case in module.CASES]


def cells(row):
    """A line of the table; figures are those of the final picture, the channel that is farthest off."""
    final = [figures for figures in row.figures if figures[0] == "stacked.fit"]
    worst = max(final, key=lambda one: abs(one[2] / row.unit - 1)) if final else None
    numbers = [f"{worst[2] / row.unit:.4f}", f"{worst[3]:.4f}", f"{worst[4]:.4g}"] if worst else ["", "", ""]
    return [row.case, row.profile, row.mode, str(row.code), *numbers, *row.cards, str(row.left_out or ""),
            "; ".join(row.wrong) or "ok"]


HEAD = ["case", "profile", "mode", "exit", "flux / clean", "FWHM / clean", "sky", "STACKCNT", "EXPTIME", "LIVETIME",
        "DATE-OBS", "left out", "outcome"]


def line(texts):
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def wanted_cases(options):
    wanted = [case for case in CASES if options.all or case.slow == options.slow]
    if options.case:
        wanted = [case for case in CASES if any(part in case.name for part in options.case)]
        if not wanted:
            sys.exit("field_cases: no such case; there are: " + ", ".join(case.name for case in CASES))
    return wanted


def told(job, made, table):
    """Prints how a case ended; passed, failed or skipped."""
    name = " ".join((job[0].name, *job[1:]))
    try:
        row = made.result()
    except Missing as lack:
        outcome = "failed" if os.environ.get("CI") else "skipped"
        print(f"{outcome}: {name}: {lack}", flush=True)
        return outcome
    except Exception as problem:  # one case that cannot be tried must not hide the others
        print(f"FAILED {name}: {problem!r}", flush=True)
        return "failed"
    if table:
        print(line(cells(row)), flush=True)
    elif row.wrong:
        print(f"FAILED {name}: {'; '.join(row.wrong)}", flush=True)
    return "failed" if row.wrong else "passed"


def perform(bench, options):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    if options.table:
        print(line(HEAD) + "\n" + "|---" * len(HEAD) + "|")
    jobs = [(case, profile, mode) for case in wanted_cases(options) for profile in case.expect for mode in case.modes]
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    try:
        for job, made in [(job, pool.submit(bench.row, *job)) for job in jobs]:
            counts[told(job, made, options.table)] += 1
    finally:
        pool.shutdown(cancel_futures=True)  # when a signal ends it, only the cases at hand
    print(f"{counts['passed']} passed, {counts['failed']} failed" + (f", {counts['skipped']} skipped" if counts["skipped"] else ""))
    return 1 if counts["failed"] else 77 if counts["skipped"] else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--case", action="append", default=[], metavar="PART", help="cases whose names hold this; repeatable")
    parser.add_argument("--slow", action="store_true", help="the cases that take minutes")
    parser.add_argument("--all", action="store_true", help="all cases")
    parser.add_argument("--table", action="store_true", help="print every row")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=pathlib.Path, help="keep frames, runs and what they printed in this folder")
    options = parser.parse_args()
    folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="tilecompile-field-cases-"))
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # so that the broker and the folder go
    bench = None
    try:
        bench = Bench(options.program.resolve(), folder.resolve(), bool(options.keep), real_cases.CLEAN)
        return perform(bench, options)
    finally:
        if bench is not None:
            bench.close()
        if not options.keep:
            shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
