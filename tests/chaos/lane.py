"""Performs schedules, one for each seed on stdin, in network and mount namespaces of its own (chaos.py makes them).

One JSON line for each on stdout. The namespaces, and with them filter rules and the small disk, end with this process.
"""
import dataclasses
import json
import pathlib
import shutil
import signal
import subprocess
import sys

from broker import Broker
from faults import draw
from processes import Night
from scene import Scene

DISK_MB = 64


def main() -> None:
    program, base, lane, limit_s = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), float(sys.argv[4])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, lambda *_: sys.exit(1))
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    disk = lane / "disk"
    disk.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "chaos", disk], check=True)
    night = Night(program, base)
    broker, scene = Broker(lane / "broker"), None
    try:
        for line in sys.stdin:
            seed = int(line)
            folder = lane / f"seed-{seed}"
            folder.mkdir()
            scene = Scene(night, broker, folder, disk, draw(seed), limit_s)
            outcome = scene.perform()
            (folder / "notes.txt").write_text("\n".join([outcome.faults, *outcome.notes, outcome.wrong]) + "\n")
            if outcome.wrong and scene.run.is_dir():
                shutil.copytree(scene.run, folder / "run", ignore=shutil.ignore_patterns("*.fits", "*.fit"), dirs_exist_ok=True)
            scene.clean_up()
            if outcome.wrong:  # what it left behind must not spoil the next one
                broker.stop()
                subprocess.run(["iptables", "-F"], check=True)
                broker = Broker(lane / f"broker-after-{seed}")
            else:
                broker.clear()
                shutil.rmtree(folder)
            print(json.dumps(dataclasses.asdict(outcome)), flush=True)
    finally:
        if scene is not None:
            scene.clean_up()
        broker.stop()


main()
