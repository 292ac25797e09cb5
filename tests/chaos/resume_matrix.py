#!/usr/bin/python3
"""Masters that are killed (-9) at defined points and resumed: what is taken over, what is redone and why.

Usage: resume_matrix.py PROGRAM     exit code 1 when a row is not as it must be, 77 when something is missing
"""
import collections
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid

try:
    from broker import Broker
except ImportError as lack:
    print(f"skipped: {lack}; scripts/install-deps.sh --tests installs it", file=sys.stderr)
    sys.exit(77)
from processes import METHOD, Night, Process, digests, journal_lines, marked, settings

NO_RESULT, OTHER_DIGEST = "the journal has no result of it", "the object is not what the journal says"
LIMIT_S = 300
FRAMES = 200
OLD_TEMPORARY = ".tmp-left-over"


class Case:
    """A distributed run of one row of the matrix."""

    def __init__(self, night: Night, broker: Broker, folder: pathlib.Path):
        self.night, self.broker, self.folder = night, broker, folder
        self.id = str(uuid.uuid4())
        self.run = folder / "out" / self.id
        self.master = Process("master", folder / f"{self.id}.log", self.id)
        self.workers = [Process(f"worker-{i}", folder / f"{self.id}-{i}.log", self.id) for i in range(2)]
        for worker in self.workers:
            worker.start([night.program, "worker", "--worker_id", worker.name, "--input.dir", night.config.parent / "frames",
                          "--storage.root", folder / "out", "--parallel.threads", "1", "--broker.port", str(broker.port)])

    def start(self, how: str) -> None:
        self.master.start([self.night.program, "master", self.night.config, how, self.id, "--output", self.folder / "out",
                           "--threads", "1", *settings(METHOD + [f"broker.port={self.broker.port}"])])

    def kill_when(self, moment) -> None:
        until = time.monotonic() + LIMIT_S
        while not moment(self):
            if not self.master.running() or time.monotonic() > until:
                raise RuntimeError("the moment never came: " + self.master.text()[-500:])
            time.sleep(0.0005)
        self.master.send(signal.SIGKILL)
        self.master.child.wait()

    def end(self) -> int:
        return self.master.child.wait(timeout=LIMIT_S)

    def close(self) -> None:
        for process in [self.master, *self.workers]:
            process.send(signal.SIGTERM)
        for process in [self.master, *self.workers]:
            process.child.wait(timeout=60)
        if left := marked(self.id):
            raise RuntimeError(f"processes are left: {left}")

    def event(self, name: str) -> bool:
        events = self.run / "events.jsonl"
        return events.exists() and f'"{name}"' in events.read_text()

    def lines(self) -> int:
        return len(journal_lines(self.run))

    def found(self) -> int:
        """What workers have found in frames and bands."""
        journal = self.run / "frames.jsonl"
        return journal.read_bytes().count(b"\n") if journal.exists() else 0

    def redone(self) -> dict:
        """Tile (first or second round) -> why, of the last start."""
        why, tile_round = {}, 0
        for line in (self.run / "events.jsonl").read_text().splitlines():
            event = json.loads(line)
            if event["event"] == "run_resumed":
                why, tile_round = {}, 0
            elif event["event"] == "round_began":
                tile_round = int(event["round"])
            elif event["event"] == "tile_redone":
                why[tile_round, int(event["tile_id"])] = OTHER_DIGEST if "SHA-256" in event["why"] else event["why"]
        return why

    def first_tile(self) -> pathlib.Path:
        return sorted((self.run / "tiles").glob("tile_*.fits"))[0]


def cut_in_half(path: pathlib.Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: pathlib.Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def tear_journal(case: Case) -> None:
    path = case.run / "journal.jsonl"
    os.truncate(path, path.stat().st_size - 40)


def damage_papers(case: Case) -> None:
    for name in ("manifest.json", "config.json", "grid.json", "frame_metrics.csv"):
        cut_in_half(case.run / name)


def leave_temporary(case: Case) -> None:
    left = case.run / "tiles" / OLD_TEMPORARY
    left.write_bytes(b"half a tile")
    os.utime(left, (time.time() - 600,) * 2)


def nothing(_case: Case) -> None:
    pass


def share(percent: int):
    """When that share of all results of both rounds is in."""
    return lambda case: case.lines() * 100 >= 2 * case.night.tiles * percent


# what happens | when the master is killed | what is done to its files | reasons that must appear | damaged tiles
ROWS = [
    ("scan of the frames", lambda c: "reading headers" in c.master.text() or c.master.running(), nothing, set(), 0),
    ("analysis of the frames", lambda c: c.event("run_started"), nothing, {NO_RESULT}, 0),
    ("half of the frames analysed by workers", lambda c: c.found() >= FRAMES // 2, nothing, {NO_RESULT}, 0),
    ("stars measured in half of the frames", lambda c: c.found() >= 3 * FRAMES // 2, nothing, {NO_RESULT}, 0),
    ("tasks published", lambda c: c.event("tasks_published"), nothing, {NO_RESULT}, 0),
    ("first tiles arrive", lambda c: c.lines() > 0, nothing, {NO_RESULT}, 0),
    ("half of the first round", share(25), nothing, {NO_RESULT}, 0),
    ("the same, last journal line torn", share(25), tear_journal, {NO_RESULT}, 0),
    ("the same, journal lost", share(25), lambda c: (c.run / "journal.jsonl").unlink(), {NO_RESULT}, 0),
    ("the same, manifest, configuration, grid and table half written", share(25), damage_papers, {NO_RESULT}, 0),
    ("the same, half a tile file", share(25), lambda c: cut_in_half(c.first_tile()), {NO_RESULT, OTHER_DIGEST}, 1),
    ("the same, flipped byte in a tile", share(25), lambda c: flip(c.first_tile()), {NO_RESULT, OTHER_DIGEST}, 1),
    ("the same, temporary file of a dead worker", share(25), leave_temporary, {NO_RESULT}, 0),
    ("between the rounds", lambda c: (c.run / "reconstruction.fits").exists(), nothing, set(), 0),
    ("half of the second round", share(75), nothing, {NO_RESULT}, 0),
    ("the same, flipped byte in a first-round tile", share(75), lambda c: flip(c.first_tile()), {NO_RESULT, OTHER_DIGEST}, 1),
    ("products are written", lambda c: (c.run / "synthetic" / "syn_00.fits").exists(), nothing, set(), 0),
]


def perform(night: Night, broker: Broker, folder: pathlib.Path, row: tuple) -> str:
    """A line of the table; throws AssertionError when the outcome is wrong."""
    name, moment, damage, reasons, damaged = row
    case = Case(night, broker, folder)
    case.start("--run-id")
    case.kill_when(moment)
    began = case.run.is_dir()
    lines = case.lines()
    if began:
        damage(case)
    case.start("--resume")
    code = case.end()
    note = ""
    if not began:
        assert code == 2 and "there is no run" in case.master.text(), f"--resume ended with {code}"
        note = "nothing was begun: `--resume` is refused (2), the same `--run-id` begins"
        case.start("--run-id")
        code = case.end()
    assert code == 0, f"ended with {code}: {case.master.text()[-800:]}"
    assert digests(case.run) == night.digests, "other digests"
    case.close()
    redone = case.redone() if began else {}
    why = collections.Counter(redone.values())
    assert reasons <= set(why), f"reasons: {dict(why)}"
    assert why[OTHER_DIGEST] == damaged, f"redone for their digest: {why[OTHER_DIGEST]}, damaged: {damaged}"
    assert not (case.run / "tiles" / OLD_TEMPORARY).exists(), "a temporary file of long ago is left"
    taken = json.loads((case.run / "run.json").read_text())["tiles"]["resumed"]
    assert taken + len(redone) == 2 * night.tiles or not began, f"{taken} + {len(redone)} tiles"
    broker.clear()
    return (f"| {name} | {lines} | {taken} | {note}" + "; ".join(f"{n}: {text}" for text, n in sorted(why.items())) +
            " | 0, equal |")


def main() -> int:
    program = pathlib.Path(sys.argv[1]).resolve()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="resume-matrix-"))
    broker, failed = Broker(folder / "broker"), 0
    try:
        night = Night(program, folder, FRAMES)
        print(f"{night.tiles} tiles, two rounds\n| killed during | results in the journal | taken over | redone: why | end, digests |")
        print("|---|---|---|---|---|", flush=True)
        for row in ROWS:
            try:
                print(perform(night, broker, folder, row), flush=True)
            except (AssertionError, RuntimeError, OSError, subprocess.TimeoutExpired) as problem:
                failed += 1
                print(f"| {row[0]} | FAILED: {problem}", flush=True)
    finally:
        for mark in [entry.name for entry in (folder / "out").iterdir() if not entry.is_symlink()] if (folder / "out").is_dir() else []:
            for pid in marked(mark):
                os.kill(pid, signal.SIGKILL)
        broker.stop()
        shutil.rmtree(folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
