"""Masters and workers of a schedule, and the undisturbed run they are compared with."""
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import time
import uuid

MARK = "TILECOMPILE_CHAOS_MARK"  # in the environment of every process of a schedule
METHOD = ["tile.min_size=40", "parallel.batch=2", "synthetic.enabled=true", "synthetic.frames_min=2",
          "synthetic.frames_max=3"]
NIGHT = "--width 300 --height 230 --stars 60 --drift 15 --seed 5 --threads 2".split()


def settings(values: list) -> list:
    return [word for value in values for word in ("--set", value)]


class Process:
    """A process of ours that is started again after it was killed."""

    def __init__(self, name: str, log: pathlib.Path, mark: str):
        self.name, self.log, self.mark = name, log, mark
        self.child = None
        self.starts = 0
        self.start_at = 0.0
        self.began = 0.0
        self.sent = None        # the signal that a fault ended it with
        self.ended_with = None  # its exit code, once that has been looked at

    def start(self, words: list) -> None:
        self.sent = self.ended_with = None
        self.starts += 1
        self.began = time.monotonic()
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                          env={**os.environ, MARK: self.mark})

    def running(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def send(self, number: int) -> bool:
        """False when it does not run. A child that was not waited for keeps its id, so no other is hit."""
        if not self.running():
            return False
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.sent = number
        self.child.send_signal(number)
        return True

    def end(self, number: int, again_in: float) -> bool:
        """Ends it by a signal; it is started again after `again_in` seconds."""
        if not self.send(number):
            return False
        self.start_at = time.monotonic() + again_in
        return True

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def marked(mark: str) -> list:
    """Ids of all processes that carry the mark, whoever their parent is."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def digests(run: pathlib.Path) -> dict:
    record = json.loads((run / "run.json").read_text())
    return {name: product["digest"] for name, product in record["products"].items()}


def journal_lines(run: pathlib.Path) -> list:
    """(tile, key, checksum) of every whole line."""
    try:
        lines = (run / "journal.jsonl").read_bytes().split(b"\n")[:-1]
    except OSError:
        return []
    entries = []
    for line in lines:
        try:
            entry = json.loads(line)
            entries.append((entry["tile_id"], entry["tile_data_ref"], entry["tile_data_checksum"]))
        except (ValueError, KeyError):
            continue  # a damaged line: nobody can use it
    return entries


def sha256(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Night:
    """Simulated frames and the digests of their undisturbed reference run; made once. More frames: slower tiles."""

    def __init__(self, program: pathlib.Path, folder: pathlib.Path, frames: int = 600):
        self.program, self.folder, self.frames = program, folder, frames
        self.config = folder / "night" / "run.yaml"
        if not (folder / "reference.json").exists():
            self._make()
        known = json.loads((folder / "reference.json").read_text())
        self.digests, self.tiles = known["digests"], known["tiles"]

    def _make(self) -> None:
        run_id = str(uuid.uuid4())
        for words in (["simulate", self.folder / "night", "--profile", "v2", "--frames", str(self.frames), *NIGHT],
                      ["run", self.config, "--output", self.folder / "out", "--run-id", run_id, *settings(METHOD)]):
            done = subprocess.run([self.program, *words], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise RuntimeError(f"the undisturbed run ended with {done.returncode}: {done.stderr}")
        run = self.folder / "out" / run_id
        record = json.loads((run / "run.json").read_text())
        if len(digests(run)) < 4 or record["tiles"]["count"] < 20:
            raise RuntimeError("the night is too small to say anything")
        (self.folder / "reference.json").write_text(
            json.dumps({"digests": digests(run), "tiles": record["tiles"]["count"]}))
