#!/usr/bin/python3
"""The way from RabbitMQ 3.10 to 4 as docs/operating.md describes it: definitions move, data do not.

    upgrade_test.py TILECOMPILE ROOT_OF_RABBITMQ_4
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "private-broker.sh"
PROGRAM = ROOT = ""
SETTINGS = ["tile.min_size=48", "validation.min_fwhm_improvement_percent=-100",
            "validation.max_background_rms_increase_percent=1000", "validation.require_no_tile_pattern=false"]
PATIENCE = "broker.connect_timeout_s=100"  # a broker that has just been made is slow to check its first password


def run(*words, environment=None, code=0):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, timeout=300, check=False,
                          env=environment)
    if done.returncode != code:
        raise AssertionError(f"{' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def settings_of(*pairs):
    return [word for pair in pairs for word in ("--set", pair)]


def login_pairs(role, folder):
    return [f"broker.user=tilecompile-{role}", f"broker.password_file={folder}/secrets/{role}.password"]


def login_as(role, folder):
    return settings_of(*login_pairs(role, folder))


class Upgrade(unittest.TestCase):
    def setUp(self):
        # Everything below one folder that both systems see at the same place.
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="upgrade-test-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.night, self.output = self.folder / "night", self.folder / "out"
        self.output.mkdir()
        run(PROGRAM, "simulate", self.night, "--frames", 12, "--width", 200, "--height", 150, "--stars", 30,
            "--drift", 10, "--seed", 3)

    def environment(self, version):
        more = {"RABBITMQ_ROOT": ROOT} if version == 4 else {}
        return dict(os.environ, PRIVATE_BROKER_OWNER=str(os.getpid()), **more)

    def broker(self, version, name, *words):
        return run(SCRIPT, words[0], self.folder / name, *words[1:], environment=self.environment(version))

    def start(self, version, name):
        self.addCleanup(self.broker, version, name, "stop")
        return int(self.broker(version, name, "start"))

    def settings(self, *pairs):
        return settings_of(*SETTINGS, *pairs)

    def digests(self, directory):
        products = json.loads((directory / "run.json").read_text())["products"]
        return {name: product["digest"] for name, product in products.items()}

    def whole_run(self, command, *pairs):
        run_id = str(uuid.uuid4())
        run(PROGRAM, command, self.night / "run.yaml", "--quiet", "--output", self.output, "--run-id", run_id,
            *self.settings(PATIENCE, *pairs))
        return self.digests(self.output / run_id)

    def distributed_run(self, *pairs):
        """A master and a worker, each as the user of its role."""
        words = [PROGRAM, "worker", "--input.dir", self.night / "frames", "--storage.root", self.output]
        with open(self.folder / "worker.log", "w", encoding="utf-8") as log:
            worker = subprocess.Popen([*words, *login_as("worker", self.folder), *settings_of(PATIENCE, *pairs)], stdout=log, stderr=log)
        try:
            return self.whole_run("master", *login_pairs("master", self.folder), *pairs)
        finally:
            worker.kill()
            worker.wait()

    def test_definitions_of_the_old_broker_make_the_new_one(self):
        reference = self.whole_run("run")
        for queue_type in ("classic", "quorum"):
            with self.subTest(queue_type=queue_type):
                self.upgrade(queue_type, reference)

    def upgrade(self, queue_type, reference):
        old, new = f"old-{queue_type}", f"new-{queue_type}"
        pairs = ["broker.vhost=observatory", f"broker.queue_type={queue_type}"]
        port = self.start(3, old)
        text = run(PROGRAM, "setup", self.night / "run.yaml", "--print-definitions", "--passwords",
                   self.folder / "secrets", *self.settings(*pairs))
        definitions = json.loads(text)
        # As programs declared the queues that knew no limits and priorities and did not name the type of classic ones.
        # Queues that hold notes came later, with their limits.
        definitions["queues"] = [q for q in definitions["queues"] if q["name"] not in ("tile.workers", "tile.runs")]
        kept = {q["name"] for q in definitions["queues"]}
        definitions["bindings"] = [b for b in definitions["bindings"] if b["destination"] in kept]
        for queue in definitions["queues"]:
            for argument in ("x-max-length", "x-max-length-bytes", "x-overflow", "x-delivery-limit", "x-max-priority"):
                if not queue["name"].startswith(("tile.retry", "tile.diagnostics")) or argument == "x-delivery-limit":
                    queue["arguments"].pop(argument, None)
            if queue["arguments"].get("x-queue-type") == "classic":
                del queue["arguments"]["x-queue-type"]
        definitions["policies"] = []
        file = self.folder / old / "definitions.json"
        file.write_text(json.dumps(definitions))
        self.broker(3, old, "ctl", "import_definitions", file)
        self.assertEqual(self.distributed_run(*pairs, f"broker.port={port}"), reference)

        exported = self.folder / f"{old}-exported.json"
        self.broker(3, old, "ctl", "export_definitions", exported)
        self.broker(3, old, "stop")
        # The data of the old one are of no use to the new one; it says so and does not start.
        data = self.folder / f"{old}-data-under-4"
        shutil.copytree(self.folder / old, data)
        subprocess.run(["sed", "-i", f"s,{self.folder / old},{data},g", data / "env"], check=True)
        with self.assertRaises(AssertionError):
            self.broker(4, data.name, "start")

        port = self.start(4, new)
        self.broker(4, new, "ctl", "import_definitions", exported)
        self.assertEqual(self.distributed_run(*pairs, f"broker.port={port}"), reference)
        # The limits that the old queues lack come by the policies of today's definitions.
        today = self.folder / new / "today.json"
        today.write_text(text)
        self.broker(4, new, "ctl", "import_definitions", today)
        policies = self.broker(4, new, "ctl", "list_policies", "-p", "observatory", "-q", "--no-table-headers")
        for name in ("tilecompile-tasks", "tilecompile-results", "tilecompile-dead-letters"):
            self.assertIn(name, policies)
        self.assertEqual(self.distributed_run(*pairs, f"broker.port={port}"), reference)


if __name__ == "__main__":
    ROOT = sys.argv.pop(2)
    PROGRAM = sys.argv.pop(1)
    unittest.main(verbosity=2)
