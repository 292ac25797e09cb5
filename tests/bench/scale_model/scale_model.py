#!/usr/bin/python3
"""How long a run takes with many workers: a discrete-event model of docs/scaling.md.

    scale_model.py table             what saturates first, from 1 to 1,000 workers, as Markdown
    scale_model.py plot FILE.svg     the same as a picture
    scale_model.py check ONE.json N=RUN.json... [--cores C] [--slowdown S]
                                     run.json of whole runs on one machine with N workers of one thread, against what
                                     the model makes of the run with one worker

A worker takes a task, reads its samples from the storage, computes, writes its tiles, and sends its results over the
broker to the master, which checks and joins them. Storage, broker, master and the cores of a machine serve one after
the other, or as many at a time as they have servers. Times are seconds.
"""
import argparse
import heapq
import json
import math
import sys
from dataclasses import dataclass, replace

# What was measured (docs/performance.md, docs/scaling.md), CPU seconds of one core.
TILES_S = 29.5e-9       # a sample of a frame in the tile phase, overlaps and all, recommended profile
ANALYSIS_S = 28.3e-9    # a sample in all passes of the analysis of frames, by workers
ANALYSIS_PASSES = 5.0   # times that they read the frames for it
RESULT_S = 0.16e-3      # a result: decoded, checked, journalled
JOIN_S = 40e-9          # a pixel of a tile in the overlap-add
PRODUCTS_S = 200e-9     # a pixel of the image in the products
MESSAGE_S = 1 / 20000   # a message through the broker
BETWEEN_SHARE = 0.5     # of the master's work in a phase: alone, between two rounds of tasks
TASKS = 40              # of a phase, in check


class Servers:
    """As many customers at a time as there are servers, in the order in which they come."""

    def __init__(self, count):
        self.free = [0.0] * count
        self.busy = 0.0

    def serve(self, now, seconds):
        """When a customer who comes now is done. Customers come in the order of time."""
        end = max(now, heapq.heappop(self.free)) + seconds
        heapq.heappush(self.free, end)
        self.busy += seconds
        return end


@dataclass(frozen=True)
class Phase:
    """Tasks that are alike."""
    tasks: int
    read_s: float     # of the common storage, for each task
    local_s: float    # of the worker's own disk or cache
    compute_s: float
    messages: int
    message_s: float  # of the broker
    master_s: float   # of the master, for each task


def play(phase, workers, cores, master_threads=1, shared=False):
    """(seconds, busy seconds of each resource) of one phase. `cores` are those of all machines together; `shared`: the
    master works on them too."""
    storage, broker, pool = Servers(1), Servers(1), Servers(cores)
    master = pool if shared else Servers(master_threads)
    steps = ["local", "read", "compute", "message", "master"]
    events, order, open_tasks, end = [], 0, phase.tasks, 0.0

    def at(time, worker, step):
        nonlocal order
        order += 1
        heapq.heappush(events, (time, order, worker, step))

    for worker in range(min(workers, phase.tasks)):
        open_tasks -= 1
        at(0.0, worker, 0)
    own_busy = 0.0
    while events:
        now, _, worker, step = heapq.heappop(events)
        name = steps[step]
        if name == "local":
            own_busy += phase.local_s
            at(now + phase.local_s, worker, 1)
        elif name == "read":
            at(storage.serve(now, phase.read_s), worker, 2)
        elif name == "compute":
            at(pool.serve(now, phase.compute_s), worker, 3)
        elif name == "message":
            sent = broker.serve(now, phase.messages * phase.message_s)
            at(sent, worker, 4)
            if open_tasks > 0:  # the worker goes on, the master takes the results meanwhile
                open_tasks -= 1
                at(sent, worker, 0)
        else:
            end = max(end, master.serve(now, phase.master_s))
    busy = {"storage": storage.busy, "broker": broker.busy, "cores": pool.busy / cores,
            "local disks": own_busy / workers}
    if not shared:
        busy["master"] = master.busy / master_threads
    return end, busy


@dataclass(frozen=True)
class Night:
    frames: int = 100_000
    pixels: float = 100e6
    sample_bytes: int = 2
    tile_px: int = 64
    step_px: int = 48
    tiles_a_task: int = 12
    storage_bytes_s: float = 1.1e9   # 10 Gbit/s to the common storage
    local_bytes_s: float = 2e9       # a worker's own disk
    master_threads: int = 16
    analysis_by_workers: bool = False
    local_share: float = 0.0         # of the samples that lie where they are computed
    masters: int = 1                 # by strips of the image

    def samples(self):
        return self.frames * self.pixels

    def tile_tasks(self):
        tiles = self.pixels / self.step_px ** 2
        tasks = math.ceil(tiles / self.tiles_a_task)
        overlap = self.tile_px / self.step_px
        read = self.sample_bytes * self.samples() * overlap / tasks
        master = self.tiles_a_task * (RESULT_S + JOIN_S * self.tile_px ** 2) / self.masters
        return Phase(tasks, read * (1 - self.local_share) / self.storage_bytes_s,
                     read * self.local_share / self.local_bytes_s, self.samples() / tasks * TILES_S, self.tiles_a_task, MESSAGE_S, master)

    def analysis_tasks(self):
        read = self.sample_bytes * self.pixels * ANALYSIS_PASSES
        return Phase(self.frames, read * (1 - self.local_share) / self.storage_bytes_s,
                     read * self.local_share / self.local_bytes_s, self.pixels * ANALYSIS_S, 1, MESSAGE_S, RESULT_S)


def whole_run(night, workers):
    """(seconds, seconds by phase, the resource that is busiest over the run)."""
    analysis = night.analysis_tasks()
    if night.analysis_by_workers:
        analysis_s, busy = play(analysis, workers, workers)
    else:
        analysis = replace(analysis, messages=0, master_s=0.0)
        analysis_s, busy = play(analysis, night.master_threads, night.master_threads)
        busy = {"storage": busy["storage"], "the master's analysis": analysis_s}
    tiles_s, more = play(night.tile_tasks(), workers, workers)
    products_s = night.pixels * PRODUCTS_S / night.masters
    for name, seconds in more.items():
        busy[name] = busy.get(name, 0) + seconds
    busy["master"] = busy.get("master", 0) + products_s
    phases = {"analysis": analysis_s, "tiles": tiles_s, "products": products_s}
    return sum(phases.values()), phases, max(busy, key=busy.get)


WORKERS = (1, 2, 4, 8, 16, 32, 64, 125, 250, 500, 1000)
SETTINGS = (("frames analysed by the master", Night()),
            ("as it is: by workers", Night(analysis_by_workers=True)),
            ("and 95 % of the samples local", Night(analysis_by_workers=True, local_share=0.95)),
            ("and 99.5 % local, 4 masters", Night(analysis_by_workers=True, local_share=0.995, masters=4)))


def hours(seconds):
    return "%.3g" % (seconds / 3600)


def table():
    print("| workers | " + " | ".join(name for name, _ in SETTINGS) + " |")
    print("|---|" + "---|" * len(SETTINGS))
    for workers in WORKERS:
        cells = []
        for _, night in SETTINGS:
            seconds, _, busiest = whole_run(night, workers)
            cells.append(f"{hours(seconds)} h, {busiest}")
        print(f"| {workers} | " + " | ".join(cells) + " |")


def plot(path):
    """Hours over workers, both logarithmic."""
    width, height, left, top = 640, 400, 60, 20
    curves = [[(n, whole_run(night, n)[0] / 3600) for n in WORKERS] for _, night in SETTINGS]
    low, high = 0.1, 1000

    def place(n, h):
        return (left + (width - left - 20) * math.log10(n) / 3,
                top + (height - top - 40) * (1 - math.log10(h / low) / math.log10(high / low)))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for n in (1, 10, 100, 1000):
        x, y = place(n, low)
        out.append(f'<path d="M{x:.0f} {top}V{y:.0f}" stroke="#ddd"/><text x="{x:.0f}" y="{y + 16:.0f}" text-anchor="middle">{n}</text>')
    for h in (0.1, 1, 10, 100, 1000):
        x, y = place(1, h)
        out.append(f'<path d="M{x:.0f} {y:.0f}H{width - 20}" stroke="#ddd"/><text x="{x - 6:.0f}" y="{y + 4:.0f}" text-anchor="end">{h:g}</text>')
    out.append(f'<text x="{width / 2}" y="{height - 6}" text-anchor="middle">workers</text>')
    out.append('<text x="8" y="14">hours</text>')
    for k, (curve, color) in enumerate(zip(curves, ("#c33", "#c80", "#383", "#35c"))):
        points = " ".join("%.1f,%.1f" % place(n, h) for n, h in curve)
        out.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        out.append(f'<text x="{left + 8}" y="{height - 110 + 16 * k}" fill="{color}">{SETTINGS[k][0]}</text>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out + ["</svg>"]) + "\n")


def predicted_phase(phase, workers, cores, slowdown):
    """Seconds of a phase with more workers, from what it took with one beside a master on a core of its own."""
    seconds, master = phase["seconds"], phase["cpu_seconds"]
    if phase["name"] == "write products":
        return seconds
    between = BETWEEN_SHARE * master
    work = (seconds - between) * (slowdown if workers > 1 else 1)
    tasks = Phase(TASKS, 0.0, 0.0, work / TASKS, 1, MESSAGE_S, (master - between) / TASKS)
    return between + play(tasks, workers, cores, shared=True)[0]


def predicted(one, workers, cores=2, slowdown=1.0):
    """A whole run on one machine. `slowdown`: how much longer work takes on a core while the others are busy."""
    return sum(predicted_phase(phase, workers, cores, slowdown) for phase in one)


def phases_of(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["phases"]


def check(options):
    one, worst = phases_of(options.one), 0.0
    for run in options.runs:
        number, path = run.split("=", 1)
        measured = sum(phase["seconds"] for phase in phases_of(path))
        model = predicted(one, int(number), options.cores, options.slowdown)
        worst = max(worst, abs(model / measured - 1))
        print(f"| {number} | {measured:.2f} | {model:.2f} | {100 * (model / measured - 1):+.0f} % |")
    return 0 if worst <= 0.2 else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("table")
    commands.add_parser("plot").add_argument("file")
    checked = commands.add_parser("check")
    checked.add_argument("one", metavar="ONE.json")
    checked.add_argument("runs", nargs="+", metavar="N=RUN.json")
    checked.add_argument("--cores", type=int, default=2)
    checked.add_argument("--slowdown", type=float, default=1.0)
    options = parser.parse_args()
    if options.command == "table":
        return table()
    if options.command == "plot":
        return plot(options.file)
    return check(options)


if __name__ == "__main__":
    sys.exit(main())
