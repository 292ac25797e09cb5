#!/usr/bin/python3
"""Clients written from the documents alone, against the program: a worker computes a whole run with the same bits, an
observer in the role of the monitor sees it and takes nothing.

    clients_test.py TILECOMPILE

Exit code 77: a module or RabbitMQ is missing.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import uuid

try:
    import numpy  # noqa: F401
    import pika
except ImportError as missing:
    print(f"skipped: {missing}; scripts/install-deps.sh --tests installs it")
    sys.exit(77)

HERE = pathlib.Path(__file__).resolve().parent
BROKER = HERE.parents[1] / "scripts" / "private-broker.sh"
PROGRAM = ""
PATIENCE_S = 120
SIMPLE = ["local_metrics.mode=seeing", "data.zero_is_nodata=true", "tile.min_size=48",
          "validation.min_fwhm_improvement_percent=-100", "validation.max_background_rms_increase_percent=1000",
          "validation.require_no_tile_pattern=false"]


def run(*words, code=0):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode != code:
        raise AssertionError(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def settings(*pairs):
    return [word for pair in pairs for word in ("--set", pair)]


class Client:
    """A client in a process of its own; ends with the test."""

    def __init__(self, test, script, *words):
        self.process = subprocess.Popen([sys.executable, "-B", str(HERE / script), *map(str, words)],
                                        stdout=subprocess.PIPE, text=True)
        test.addCleanup(self.end)

    def line(self):
        return self.process.stdout.readline().strip()

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="clients-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.addClassCleanup(subprocess.run, [BROKER, "stop", cls.folder / "broker"], check=False)
        environment = dict(os.environ, PRIVATE_BROKER_OWNER=str(os.getpid()))
        started = subprocess.run([BROKER, "start", cls.folder / "broker"], env=environment, capture_output=True,
                                 text=True, check=False)
        if started.returncode != 0:
            raise unittest.SkipTest("no broker: " + started.stderr)
        cls.port = int(started.stdout)
        cls.night = cls.folder / "night"
        run(PROGRAM, "simulate", cls.night, "--profile", "v2", "--frames", 12, "--width", 203, "--height", 151, "--stars", 30,
            "--drift", 15, "--seed", 3)
        run(PROGRAM, "setup", cls.night / "run.yaml", *settings(f"broker.port={cls.port}"))
        cls.output = cls.folder / "out"
        cls.output.mkdir()
        cls.reference = cls.complete("run")

    @classmethod
    def complete(cls, command, *more, run_id=None):
        """Run directory of a whole run."""
        run_id = run_id or str(uuid.uuid4())
        run(PROGRAM, command, cls.night / "run.yaml", "--quiet", "--output", cls.output, "--run-id", run_id,
            *settings(*SIMPLE, *more))
        return cls.output / run_id

    def record(self, directory):
        return json.loads((directory / "run.json").read_text())

    def start_worker(self, name):
        worker = Client(self, "worker.py", "--port", self.port, "--frames", self.night / "frames", "--storage",
                        self.output, "--id", name)
        self.assertEqual(worker.line(), "ready")
        return worker

    def workers_of(self, directory):
        lines = (directory / "journal.jsonl").read_text().splitlines()
        return [json.loads(line)["worker_id"] for line in lines]

    def test_a_worker_written_from_the_documents_gives_the_same_bits(self):
        self.start_worker("python")
        directory = self.complete("master", f"broker.port={self.port}")
        self.assertEqual(set(self.workers_of(directory)), {"python"})
        ours, theirs = self.record(directory), self.record(self.reference)
        for name, product in theirs["products"].items():
            self.assertEqual(ours["products"][name]["digest"], product["digest"], name)
        print(f"  {len(self.workers_of(directory))} tiles by the Python worker, "
              f"{len(theirs['products'])} products with the digests of the reference run")

    def test_its_tile_files_are_those_of_the_program_to_the_byte(self):
        self.start_worker("python")
        directory = self.complete("master", f"broker.port={self.port}")
        tiles = sorted((directory / "tiles").iterdir())
        self.assertGreater(len(tiles), 10)
        for tile in (0, len(tiles) // 2, len(tiles) - 1):
            run(PROGRAM, "tile", directory, tile)  # exit code 3 when one byte differs

    def definitions(self):
        """A virtual host with the roles; their passwords."""
        secrets = self.folder / "secrets"
        text = run(PROGRAM, "setup", self.night / "run.yaml", "--print-definitions", "--passwords", secrets,
                   *settings("broker.vhost=observatory"))
        file = self.folder / "broker" / "definitions.json"
        file.write_text(text)
        run(BROKER, "ctl", self.folder / "broker", "import_definitions", file)
        return {role: (secrets / f"{role}.password").read_text().strip() for role in ("master", "worker", "monitor")}

    def test_the_monitor_watches_and_takes_nothing(self):
        passwords = self.definitions()
        login = ["--port", self.port, "--vhost", "observatory"]
        run_id = str(uuid.uuid4())
        observers = [Client(self, "observer.py", *login, "--user", "tilecompile-monitor", "--password",
                            passwords["monitor"], "--run", run_id) for _ in range(2)]
        for observer in observers:
            self.assertEqual(observer.line(), "listening")
        worker = Client(self, "worker.py", *login, "--user", "tilecompile-worker", "--password", passwords["worker"],
                        "--frames", self.night / "frames", "--storage", self.output, "--id", "python")
        self.assertEqual(worker.line(), "ready")
        password_file = self.folder / "secrets" / "master.password"
        directory = self.complete("master", f"broker.port={self.port}", "broker.vhost=observatory",
                                  "broker.user=tilecompile-master", f"broker.password_file={password_file}",
                                  run_id=run_id)
        for observer in observers:
            seen = json.loads(observer.line())
            self.assertEqual((seen["run_id"], seen["ended"]), (run_id, "run_done"))
            self.assertEqual(seen["tiles"], {"python": len(self.workers_of(directory))})
            events = [json.loads(line)["event"] for line in (directory / "events.jsonl").read_text().splitlines()]
            self.assertEqual(sum(seen["events"].values()), len(events))
        self.refused(passwords["monitor"])

    def refused(self, password):
        """What the monitor may not do."""
        forbidden = {
            "take tasks": lambda c: c.basic_get("tile.compute"), "take dead letters": lambda c: c.basic_get("tile.dlq"),
            "take diagnostics": lambda c: c.basic_get("tile.diagnostics"),
            "empty the tasks": lambda c: c.queue_purge("tile.compute"),
            "declare a queue of another name": lambda c: c.queue_declare("mine", exclusive=True),
            "listen to results": lambda c: (c.queue_declare("tilecompile.watch.x", exclusive=True),
                                            c.queue_bind("tilecompile.watch.x", "tilecompile.results", "tile.results")),
            "announce": lambda c: (c.basic_publish("tilecompile.events", "", b"{}"), c.queue_declare("", passive=True))}
        for what, action in forbidden.items():
            connection = pika.BlockingConnection(pika.ConnectionParameters(
                "127.0.0.1", self.port, "observatory", pika.PlainCredentials("tilecompile-monitor", password)))
            with self.assertRaises(pika.exceptions.ChannelClosedByBroker, msg=what) as caught:
                action(connection.channel())
            self.assertEqual(caught.exception.reply_code, 403, what)
            connection.close()


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
