"""The kinds of faults, and how a schedule of them is drawn from a seed.

`begin` strikes and returns what it did (for the log), or nothing when there was nothing to strike at yet: it is tried
again. `end` takes the fault away after `seconds`. Both get the scene of the schedule (scene.py).
"""
import dataclasses
import os
import random
import signal
import subprocess
from typing import Callable, Optional

import broker as amqp
import rogues
from processes import Process, sha256

WORKERS = 3
LONGER_THAN_HEARTBEATS = (5.0, 8.0)  # a connection is dead after two heartbeats of 2 s
EARLY = (-2.0, 0.6)  # a process needs a moment to do harm


@dataclasses.dataclass
class Fault:
    kind: str
    at: float       # share of all results that are in when it strikes; below 0: so many seconds after a master's start
    seconds: float  # how long it lasts, or until the thing is started again
    target: int     # which worker, or which variant
    rogue: Optional[Process] = None  # what it has started

    def __str__(self) -> str:
        when = f"@{self.at:.0%}" if self.at >= 0 else f"@start+{-self.at:.1f}s"
        return self.kind + when


def kill_worker(scene, fault):
    return scene.workers[fault.target].end(signal.SIGKILL, fault.seconds)


def stop_worker(scene, fault):
    return scene.workers[fault.target].end(signal.SIGTERM, fault.seconds)


def kill_master(scene, fault):
    return scene.master.end(signal.SIGKILL, fault.seconds)


def stop_master(scene, fault):
    return scene.master.end(signal.SIGTERM, fault.seconds)


def freeze_worker(scene, fault):
    return scene.workers[fault.target].send(signal.SIGSTOP)


def thaw_worker(scene, fault):
    scene.workers[fault.target].send(signal.SIGCONT)


def freeze_master(scene, _fault):
    return scene.master.send(signal.SIGSTOP)


def thaw_master(scene, _fault):
    scene.master.send(signal.SIGCONT)


def freeze_broker(scene, _fault):
    scene.broker.script("pause")
    scene.unreachable += 1
    return True


def thaw_broker(scene, _fault):
    scene.broker.script("cont")
    scene.unreachable -= 1


def restart_broker(scene, _fault):
    scene.broker.begin("restart")
    return True


def kill_broker(scene, _fault):
    scene.broker.script("kill9")
    scene.unreachable += 1
    return True


def start_broker(scene, _fault):
    scene.broker.begin("start")
    scene.unreachable -= 1


def filter_rule(scene, action, side):
    subprocess.run(["iptables", action, "OUTPUT", "-p", "tcp", side, str(scene.broker.port), "-j", "DROP"], check=True)


def cut_network(scene, _fault):
    filter_rule(scene, "-A", "--dport")
    filter_rule(scene, "-A", "--sport")
    scene.unreachable += 1
    return True


def heal_network(scene, _fault):
    filter_rule(scene, "-D", "--dport")
    filter_rule(scene, "-D", "--sport")
    scene.unreachable -= 1


def cut_one_way(scene, fault):
    filter_rule(scene, "-A", ("--dport", "--sport")[fault.target % 2])
    scene.unreachable += 1
    return True


def heal_one_way(scene, fault):
    filter_rule(scene, "-D", ("--dport", "--sport")[fault.target % 2])
    scene.unreachable -= 1


def fill_disk(scene, _fault):
    with open(scene.store / "filling", "wb", buffering=0) as out:
        try:
            while True:
                out.write(bytes(1 << 20))
        except OSError:
            pass
    try:
        (scene.store / "filling.rest").write_bytes(bytes(1 << 20))
    except OSError:
        pass
    return True


def empty_disk(scene, _fault):
    for name in ("filling", "filling.rest"):
        (scene.store / name).unlink(missing_ok=True)


def flip_byte(scene, _fault):
    tiles = sorted((scene.stored_run / "tiles").glob("tile_*.fits"))
    if not tiles:
        return None
    tile = scene.rng.choice(tiles)
    with open(tile, "r+b") as file:
        file.seek(scene.rng.randrange(os.path.getsize(tile)))
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1 << scene.rng.randrange(8)]))
    scene.damaged[tile] = sha256(tile)
    return tile.name


def flip_byte_of_a_killed_run(scene, fault):
    return flip_byte(scene, fault) if scene.master.end(signal.SIGKILL, fault.seconds) else None


def duplicate_tasks(scene, _fault):
    scene.copies += scene.broker.replay(amqp.TASKS, amqp.TASK_TAP, "tile.compute", scene.rng)
    return True


def duplicate_results(scene, _fault):
    scene.copies += scene.broker.replay(amqp.RESULTS, amqp.RESULT_TAP, scene.results_queue, scene.rng)
    return True


def reorder_tasks(scene, _fault):
    return scene.broker.reorder("tile.compute", scene.rng) > 1


def delete_tasks(scene, _fault):
    scene.broker.delete("tile.compute")
    return True


def delete_results(scene, _fault):
    scene.broker.delete(scene.results_queue)
    return True


def purge_tasks(scene, _fault):
    return scene.broker.purge("tile.compute") > 0


def raise_alarm(scene, _fault):
    scene.broker.script("ctl", "set_disk_free_limit", "100000GB")
    scene.unreachable += 1
    return True


def end_alarm(scene, _fault):
    scene.broker.script("ctl", "set_disk_free_limit", "64MB")
    scene.unreachable -= 1


def rogue(command):
    """A process that does harm beside the workers."""
    def begin(scene, fault):
        fault.rogue = scene.start_rogue(command(scene, fault))
        return True
    return begin


def stop_rogue(_scene, fault):
    fault.rogue.end(signal.SIGTERM, 0)


def freeze_with_tasks(scene, fault):
    """Stops a worker for good once it has tasks, of which the broker does not know that they are stuck."""
    if fault.rogue is None:
        fault.rogue = scene.start_rogue(rogues.deaf_worker(scene, fault))
    return "tile done" in fault.rogue.text() and fault.rogue.send(signal.SIGSTOP)


def hold_tasks(scene, _fault):
    scene.greedy.append(rogues.Greedy(scene.broker.port, scene.rng))
    return f"{scene.greedy[-1].held} held"


def forge_results(scene, _fault):
    scene.broker.publish(amqp.RESULTS, scene.results_queue, rogues.forge(scene))
    return True


@dataclasses.dataclass
class Kind:
    begin: Callable
    end: Optional[Callable] = None
    seconds: tuple = (0.0, 2.0)
    at: tuple = (0.02, 0.92)
    needs_broker: bool = False  # waits until no other fault keeps the broker away


KINDS = {
    "kill worker": Kind(kill_worker),
    "kill master": Kind(kill_master, at=(-2.0, 1.0)),
    "stop worker": Kind(stop_worker),
    "stop master": Kind(stop_master, at=(-2.0, 0.95)),
    "freeze worker": Kind(freeze_worker, thaw_worker, LONGER_THAN_HEARTBEATS),
    "freeze master": Kind(freeze_master, thaw_master, LONGER_THAN_HEARTBEATS),
    "freeze broker": Kind(freeze_broker, thaw_broker, LONGER_THAN_HEARTBEATS, needs_broker=True),
    "restart broker": Kind(restart_broker, needs_broker=True),
    "kill broker": Kind(kill_broker, start_broker, (0.0, 4.0), needs_broker=True),
    "cut network": Kind(cut_network, heal_network, (2.0, 8.0)),
    "cut one way": Kind(cut_one_way, heal_one_way, (2.0, 8.0)),
    "fill disk": Kind(fill_disk, empty_disk, (1.0, 4.0)),
    # In the first half, because the second round reads every tile of the first again.
    "flip byte": Kind(flip_byte, at=(0.05, 0.42)),
    "flip byte and resume": Kind(flip_byte_of_a_killed_run, at=(0.05, 0.9)),
    "duplicate tasks": Kind(duplicate_tasks, needs_broker=True),
    "duplicate results": Kind(duplicate_results, at=(0.1, 0.92), needs_broker=True),
    "reorder tasks": Kind(reorder_tasks, at=(0.0, 0.8), needs_broker=True),
    "delete tasks": Kind(delete_tasks, needs_broker=True),
    "delete results": Kind(delete_results, needs_broker=True),
    "purge tasks": Kind(purge_tasks, at=(0.0, 0.8), needs_broker=True),
    "broker alarm": Kind(raise_alarm, end_alarm, (2.0, 8.0), at=(0.0, 0.92), needs_broker=True),
    "lying worker": Kind(rogue(rogues.lying_worker), stop_rogue, (10.0, 60.0), at=EARLY),
    "misconfigured worker": Kind(rogue(rogues.misconfigured_worker), stop_rogue, (5.0, 20.0), at=EARLY),
    "duplicate worker": Kind(rogue(rogues.duplicate_worker), stop_rogue, (5.0, 20.0), at=EARLY),
    "worker frozen for good": Kind(freeze_with_tasks, at=EARLY),
    "greedy consumer": Kind(hold_tasks, at=(0.0, 0.8), needs_broker=True),
    "forged results": Kind(forge_results, needs_broker=True),
}
TAPPED = {"duplicate tasks", "duplicate results", "forged results"}  # need copies of messages
BROKER_DIES = {"kill broker", "restart broker"}
QUEUE_IS_MADE_ANEW = {"delete tasks", "delete results"}


@dataclasses.dataclass
class Schedule:
    seed: int
    faults: list
    quorum: bool         # broker.queue_type
    one_folder: bool     # storage.root is output.dir, so that a full disk hits journal and products too

    def has(self, *kinds: str) -> bool:
        return any(fault.kind in kinds for fault in self.faults)


def draw(seed: int) -> Schedule:
    """Every kind is the first fault of each 27th seed; up to three more are drawn."""
    rng = random.Random(seed)
    names = list(KINDS)
    chosen = [names[seed % len(names)]] + rng.choices(names, k=rng.choice([0, 1, 1, 2, 2, 3]))
    faults = []
    for name in chosen:
        kind = KINDS[name]
        faults.append(Fault(name, rng.uniform(*kind.at), rng.uniform(*kind.seconds), rng.randrange(WORKERS)))
    kinds = set(chosen)
    # A quorum queue of this broker does not survive a kill within half a second of its making.
    quorum = rng.random() < 0.25 and not (kinds & BROKER_DIES and kinds & QUEUE_IS_MADE_ANEW)
    return Schedule(seed, sorted(faults, key=lambda f: f.at), quorum, rng.random() < 0.5)
