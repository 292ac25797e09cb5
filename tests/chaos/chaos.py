#!/usr/bin/python3
"""Runs with faults drawn from seeds; every one must end with the pictures of the undisturbed run.

Usage: chaos.py PROGRAM [--schedules N] [--seed S] [--seeds S...] [--lanes L] [--frames F] [--keep DIR]
One line a schedule, then a table by kind of fault. Exit code 1 when any failed (logs of failures stay in DIR),
77 when something that this needs is missing.
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile
import threading

HERE = pathlib.Path(__file__).resolve().parent


def missing(program: pathlib.Path) -> str:
    """What keeps this from working; empty when nothing does."""
    try:
        import pika  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
    except ImportError:
        return "python3-pika is not installed: scripts/install-deps.sh --tests"
    if not program.with_name("tests").joinpath("lying_worker").exists():
        return "tests/lying_worker is not built beside the program"
    for tool in ("ip", "iptables", "unshare"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed: scripts/install-deps.sh --tests"
    probe = subprocess.run([*namespaces(), "sh", "-c", "ip link set lo up && mount -t tmpfs probe /mnt && iptables -S"],
                           capture_output=True, text=True, check=False)
    return "" if probe.returncode == 0 else "no namespaces of our own (run it as root): " + probe.stderr.strip()


def namespaces() -> list:
    return ["unshare", "--net", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]


def run_lane(options: argparse.Namespace, base: pathlib.Path, number: int, seeds: queue.Queue, report) -> None:
    command = [*namespaces(), sys.executable, "-B", HERE / "lane.py", options.program.resolve(), base, base / f"lane-{number}",
               str(options.limit)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lane:
        while True:
            try:
                seed = seeds.get_nowait()
            except queue.Empty:
                break
            lane.stdin.write(f"{seed}\n")
            lane.stdin.flush()
            line = lane.stdout.readline()
            if not line:
                report({"seed": seed, "faults": "", "kinds": [], "missed": [], "restarts": 0, "copies": 0, "again": 0,
                        "named": 0, "seconds": 0, "wrong": "the lane itself broke, see above"})
                break
            report(json.loads(line))
        lane.stdin.close()


def line_of(outcome: dict) -> str:
    verdict = "FAILED: " + outcome["wrong"] if outcome["wrong"] else "ok"
    missed = f" (not struck: {', '.join(outcome['missed'])})" if outcome["missed"] else ""
    return (f"seed {outcome['seed']:5}  restarts {outcome['restarts']:2}  copies {outcome['copies']:3}  computed again "
            f"{outcome['again']:3}  named {outcome['named']:2}  {outcome['seconds']:6.1f} s  {verdict}  [{outcome['faults']}]{missed}")


def table(outcomes: list) -> str:
    rows = collections.defaultdict(lambda: [0, 0, 0, 0.0])
    for outcome in outcomes:
        struck = collections.Counter(outcome["kinds"])
        struck.subtract(outcome["missed"])
        for kind, times in struck.items():
            if times > 0:
                row = rows[kind]
                row[0] += times
                row[1] += 1
                row[2] += bool(outcome["wrong"])
                row[3] += outcome["seconds"]
    text = ["| fault | struck | schedules with it | failed | mean seconds |", "|---|---|---|---|---|"]
    for kind in sorted(rows):
        times, schedules, failed, seconds = rows[kind]
        text.append(f"| {kind} | {times} | {schedules} | {failed} | {seconds / schedules:.0f} |")
    failed = sum(bool(o["wrong"]) for o in outcomes)
    text.append(f"| all | {sum(r[0] for r in rows.values())} | {len(outcomes)} | {failed} | "
                f"{sum(o['seconds'] for o in outcomes) / max(1, len(outcomes)):.0f} |")
    return "\n".join(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--schedules", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the first schedule; the others follow")
    parser.add_argument("--seeds", type=int, nargs="+", help="these, instead of --schedules and --seed")
    parser.add_argument("--frames", type=int, default=600, help="of the night; more make slower tiles")
    parser.add_argument("--limit", type=float, default=420, help="seconds for a schedule")
    parser.add_argument("--lanes", type=int, default=2, help="schedules at a time")
    parser.add_argument("--keep", type=pathlib.Path, help="folder for the logs of failures")
    options = parser.parse_args()
    if lack := missing(options.program):
        print("skipped: " + lack, file=sys.stderr)
        return 77
    base = pathlib.Path(tempfile.mkdtemp(prefix="chaos-", dir=options.keep))
    sys.path.insert(0, str(HERE))
    from processes import Night  # pylint: disable=import-outside-toplevel
    night = Night(options.program.resolve(), base, options.frames)
    wanted = options.seeds or range(options.seed, options.seed + options.schedules)
    print(f"{datetime.date.today()}: {len(wanted)} schedules from seed {wanted[0]}, {night.tiles} tiles in two rounds", flush=True)
    seeds, outcomes, lock = queue.Queue(), [], threading.Lock()
    for seed in wanted:
        seeds.put(seed)

    def report(outcome: dict) -> None:
        with lock:
            outcomes.append(outcome)
            print(line_of(outcome), flush=True)

    lanes = [threading.Thread(target=run_lane, args=(options, base, n, seeds, report))
             for n in range(min(options.lanes, len(wanted)))]
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    print(table(outcomes))
    if len(outcomes) == len(wanted) and not any(o["wrong"] for o in outcomes):
        shutil.rmtree(base)
        return 0
    print(f"logs of the failures: {base}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
