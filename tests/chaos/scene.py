"""One schedule: a distributed run, its faults, and what must hold afterwards."""
import dataclasses
import json
import os
import pathlib
import random
import shutil
import signal
import time
import uuid

import pika

from broker import Broker
from faults import KINDS, TAPPED, WORKERS, Fault, Schedule
from processes import METHOD, Night, Process, digests, journal_lines, marked, settings, sha256

WORKER_STOPS_WITHIN_S = 60
RESUMES = 12                # more ends of the master than faults can explain
RETRY_S = 1.0               # before a master that gave up is resumed


class Wrong(Exception):
    """The schedule failed; the text says how."""


@dataclasses.dataclass
class Outcome:
    seed: int
    faults: str
    kinds: list
    restarts: int = 0
    copies: int = 0
    again: int = 0       # tiles computed more than once
    named: int = 0       # workers that were found to be wrong
    seconds: float = 0
    missed: list = dataclasses.field(default_factory=list)  # faults whose moment never came
    wrong: str = ""
    notes: list = dataclasses.field(default_factory=list)


class Scene:
    def __init__(self, night: Night, broker: Broker, folder: pathlib.Path, disk: pathlib.Path, schedule: Schedule,
                 limit_s: float):
        self.limit_s = limit_s
        self.night, self.broker, self.folder, self.schedule = night, broker, folder, schedule
        self.rng = random.Random(f"scene {schedule.seed}")
        self.run_id = str(uuid.UUID(int=self.rng.getrandbits(128), version=4))
        self.mark = f"{schedule.seed}-{self.run_id}"
        self.store = disk
        self.output = disk if schedule.one_folder else folder / "out"
        self.run = self.output / self.run_id
        self.stored_run = self.store / self.run_id
        self.results_queue = "tile.results." + self.run_id
        self.master = Process("master", folder / "master.log", self.mark)
        self.workers = [Process(f"worker-{i}", folder / f"worker-{i}.log", self.mark) for i in range(WORKERS)]
        self.frames = night.config.parent / "frames"
        self.rogues = []         # processes that do harm
        self.greedy = []         # connections that hold tasks
        self.unreachable = 0     # faults that keep the broker away now
        self.damaged = {}        # tile file -> its digest with the flipped byte
        self.copies = 0
        self.rounds = 0
        self.journal_size, self.share_done = 0, 0.0
        self.notes = []
        self.began = time.monotonic()

    def note(self, text: str) -> None:
        self.notes.append(f"{time.monotonic() - self.began:6.1f} s  {text}")

    # ---- processes

    def _common(self) -> list:
        # On a busy machine a broker that was killed takes longer than the default 10 s to start.
        return settings([f"broker.port={self.broker.port}", "broker.heartbeat_s=2", "broker.connect_timeout_s=60",
                         "broker.queue_type=" + self.queue_type()])

    def queue_type(self) -> str:
        return "quorum" if self.schedule.quorum else "classic"

    def start_master(self) -> None:
        known = self.run.is_dir()
        self.note("master " + ("resumed" if known else "started"))
        self.master.start([self.night.program, "master", self.night.config, "--resume" if known else "--run-id", self.run_id,
                           "--output", self.output, "--threads", "1", "--log-level", "debug",
                           *settings(METHOD + [f"storage.root={self.store}", "retry.base_s=1", "retry.factor=2"]),
                           *self._common()])

    def worker_words(self, worker_id: str, frames: pathlib.Path) -> list:
        return [self.night.program, "worker", "--worker_id", worker_id, "--input.dir", frames, "--storage.root", self.store,
                "--parallel.threads", "1", "--log-level", "debug", *self._common()]

    def start_worker(self, worker: Process) -> None:
        worker.start(self.worker_words(f"{worker.name}-{worker.starts}", self.frames))

    def start_rogue(self, words: list) -> Process:
        name = f"rogue-{len(self.rogues)}"
        self.rogues.append(Process(name, self.folder / f"{name}.log", self.mark))
        self.rogues[-1].start(words)
        return self.rogues[-1]

    def look_after_workers(self) -> None:
        for worker in self.workers:
            if worker.running() or time.monotonic() < worker.start_at:
                continue
            if worker.child is not None:
                code = worker.child.returncode
                if code != -signal.SIGKILL and not (worker.sent == signal.SIGTERM and code == 128 + signal.SIGTERM):
                    raise Wrong(f"{worker.name} ended with {code}")
                self.note(f"{worker.name} started again after {code}")
            self.start_worker(worker)
        for rogue in self.rogues:
            if not rogue.running() and rogue.sent is None:
                raise Wrong(f"{rogue.name} ended with {rogue.child.returncode}")

    def look_after_master(self) -> bool:
        """True when the run is done."""
        if self.master.running():
            return False
        if time.monotonic() < self.master.start_at:
            return False
        code = self.master.child.returncode
        if code == 0 or self.is_done():
            return True
        if self.master.ended_with is None:
            self.master.ended_with = code
            self.note(f"master ended with {code}")
            self.explain(code)
            if code > 0 and self.master.sent is None:  # what ended it may still be there
                self.master.start_at = time.monotonic() + RETRY_S
                return False
        if self.master.starts > RESUMES:
            raise Wrong(f"the master ended {self.master.starts} times")
        self.start_master()
        return False

    def is_done(self) -> bool:
        """A master that was killed between its last record and its exit has nothing left to resume."""
        try:
            return json.loads((self.run / "run.json").read_text())["status"] == "done"
        except (OSError, ValueError, KeyError):
            return False

    def explain(self, code: int) -> None:
        """Refuses an end of the master that none of the faults explains."""
        words = self.master.text()[-3000:]
        explained = {
            -signal.SIGKILL: self.master.sent == signal.SIGKILL,
            128 + signal.SIGTERM: self.master.sent == signal.SIGTERM,
            -signal.SIGTERM: self.master.sent == signal.SIGTERM,  # before it had a handler
            5: self.schedule.has("fill disk"),
            4: bool(self.damaged) and "SHA-256" in words,
            2: "another master" in words,
        }
        if not explained.get(code, False):
            raise Wrong(f"the master ended with {code}")

    # ---- time

    def progress(self) -> float:
        """Share of all results of both rounds that are in."""
        journal = self.run / "journal.jsonl"
        size = journal.stat().st_size if journal.exists() else 0
        if size != self.journal_size:
            self.journal_size = size
            self.share_done = len({line[:2] for line in journal_lines(self.run)}) / (2 * self.night.tiles)
        return self.share_done

    def is_time_for(self, fault: Fault, progress: float) -> bool:
        kind = KINDS[fault.kind]
        if fault.at < 0:
            if time.monotonic() - self.master.began < -fault.at:
                return False
        elif progress < fault.at:
            return False
        if kind.needs_broker and (self.unreachable > 0 or self.broker.busy()):
            return False
        if self.schedule.quorum and "broker" in fault.kind:
            return self.rounds > 0  # the master has let the queues settle
        return True

    def note_rounds(self) -> None:
        events = self.run / "events.jsonl"
        self.rounds = events.read_bytes().count(b'"round_began"') if events.exists() else 0

    def strike(self, fault: Fault) -> bool:
        try:
            done = KINDS[fault.kind].begin(self, fault)
        except pika.exceptions.AMQPError as problem:
            self.note(f"{fault.kind} has to wait: {problem!r}")
            return False
        if done:
            self.note(f"{fault} {done if isinstance(done, str) else ''} target {fault.target}, {fault.seconds:.1f} s")
        return bool(done)

    def play(self) -> list:
        """Runs to the end; the faults whose moment never came."""
        waiting, lasting = list(self.schedule.faults), []
        if self.schedule.has(*TAPPED):
            self.broker.tap(self.run_id)
        self.start_master()
        while True:
            now = time.monotonic()
            if now - self.began > self.limit_s:
                raise Wrong(f"not done after {self.limit_s} s")
            for end_at, fault in [one for one in lasting if one[0] <= now]:
                KINDS[fault.kind].end(self, fault)
                lasting.remove((end_at, fault))
                self.note(f"{fault.kind} is over")
            self.note_rounds()
            progress = self.progress()
            for fault in [one for one in waiting if self.is_time_for(one, progress)]:
                if self.strike(fault):
                    waiting.remove(fault)
                    if KINDS[fault.kind].end:
                        lasting.append((time.monotonic() + fault.seconds, fault))
            self.look_after_workers()
            if self.look_after_master():
                for _, fault in lasting:
                    KINDS[fault.kind].end(self, fault)
                return waiting
            time.sleep(0.04)

    # ---- afterwards

    def stop_workers(self) -> None:
        until = time.monotonic() + WORKER_STOPS_WITHIN_S
        while self.broker.busy():
            time.sleep(0.1)
        for holder in self.greedy:
            holder.close()
        for worker in [*self.workers, *self.rogues]:
            worker.send(signal.SIGCONT)
            worker.end(signal.SIGTERM, 0)
        while alive := [worker.name for worker in [*self.workers, *self.rogues] if worker.running()]:
            if time.monotonic() > until:
                raise Wrong(f"{', '.join(alive)} does not stop within {WORKER_STOPS_WITHIN_S} s of SIGTERM")
            time.sleep(0.05)

    def check_pictures(self) -> None:
        found = digests(self.run)
        if found != self.night.digests:
            different = sorted(k for k in {*found, *self.night.digests} if found.get(k) != self.night.digests.get(k))
            raise Wrong("other digests: " + ", ".join(different))

    def check_damaged_tiles(self) -> None:
        last = {key: checksum for _, key, checksum in journal_lines(self.run)}
        for tile, damaged in self.damaged.items():
            now = sha256(tile)
            if now == damaged or now != last.get(f"{self.run_id}/tiles/{tile.name}"):
                raise Wrong(f"{tile.name} was damaged and not computed again")

    def check_nothing_is_left(self) -> None:
        self.stop_workers()
        if left := marked(self.mark):
            raise Wrong(f"processes are left: {left}")
        if self.broker.messages(self.results_queue) is not None:
            raise Wrong(f"the queue {self.results_queue} is left")
        if dead := self.broker.messages("tile.dlq"):
            raise Wrong(f"{dead} messages on tile.dlq")

    def clean_up(self) -> None:
        for holder in self.greedy:
            holder.close()
        for process in [self.master, *self.workers, *self.rogues]:
            process.send(signal.SIGKILL)
            if process.child is not None:
                process.child.wait()
        for pid in marked(self.mark):  # one that was just being started
            os.kill(pid, signal.SIGKILL)
        for item in self.store.iterdir():
            shutil.rmtree(item) if item.is_dir() and not item.is_symlink() else item.unlink()

    def computed(self) -> int:
        return sum(worker.text().count("tile done") for worker in [*self.workers, *self.rogues])

    def named(self) -> int:
        """Workers that the master found out."""
        events = self.run / "events.jsonl"
        return events.read_bytes().count(b'"worker_distrusted"') if events.exists() else 0

    def restarts(self) -> int:
        return sum(p.starts - 1 for p in [self.master, *self.workers] if p.starts)

    def perform(self) -> Outcome:
        schedule, starts = self.schedule, self.broker.starts
        outcome = Outcome(schedule.seed, ", ".join(map(str, schedule.faults)), [f.kind for f in schedule.faults])
        try:
            outcome.missed = [fault.kind for fault in self.play()]
            self.check_pictures()
            self.check_damaged_tiles()
            self.check_nothing_is_left()
        except (Wrong, OSError, ValueError, KeyError, RuntimeError, pika.exceptions.AMQPError) as problem:
            outcome.wrong = str(problem) if isinstance(problem, Wrong) else repr(problem)
        outcome.seconds = time.monotonic() - self.began
        outcome.restarts = self.restarts() + self.broker.starts - starts
        outcome.copies = self.copies
        outcome.named = self.named()
        outcome.again = max(0, self.computed() - 2 * self.night.tiles)
        outcome.notes = self.notes
        return outcome
