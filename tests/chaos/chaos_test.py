#!/usr/bin/python3
"""The drawing of schedules and the verdicts of the driver. Exit code 77: a module is missing."""
import hashlib
import json
import pathlib
import sys
import tempfile
import types
import unittest

try:
    import pika  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; scripts/install-deps.sh --tests installs it")
    sys.exit(77)

import rogues
from chaos import line_of, table
from faults import BROKER_DIES, KINDS, QUEUE_IS_MADE_ANEW, WORKERS, Fault, draw
from scene import Scene, Wrong

SEEDS = range(200)


class Drawing(unittest.TestCase):
    def test_a_seed_gives_the_same_schedule_and_another_gives_another(self):
        self.assertEqual([draw(seed) for seed in SEEDS], [draw(seed) for seed in SEEDS])
        self.assertGreater(len({str(draw(seed).faults) for seed in SEEDS}), 190)

    def test_every_kind_comes_in_any_round_of_seeds(self):
        for first in (0, 1, 100):
            seen = {fault.kind for seed in range(first, first + len(KINDS)) for fault in draw(seed).faults}
            self.assertEqual(seen, set(KINDS))

    def test_moments_and_lengths_lie_in_the_bounds_of_their_kind(self):
        for fault in (fault for seed in SEEDS for fault in draw(seed).faults):
            kind = KINDS[fault.kind]
            self.assertTrue(kind.at[0] <= fault.at <= kind.at[1], fault)
            self.assertTrue(kind.seconds[0] <= fault.seconds <= kind.seconds[1], fault)

    def test_no_broker_dies_over_a_young_quorum_queue(self):
        self.assertTrue(any(draw(seed).quorum for seed in SEEDS))
        for schedule in (draw(seed) for seed in SEEDS):
            self.assertFalse(schedule.quorum and schedule.has(*BROKER_DIES) and schedule.has(*QUEUE_IS_MADE_ANEW))


class Verdicts(unittest.TestCase):
    """A scene after its run, with the files that the checks read."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        root = pathlib.Path(self.folder.name)
        night = types.SimpleNamespace(digests={"stack": "a", "reconstruction": "b"}, tiles=1, program=root / "tilecompile",
                                      config=root / "run.yaml")
        self.scene = Scene(night, None, root, root / "disk", draw(1), 60)
        self.scene.run.mkdir(parents=True)
        self.record({"stack": "a", "reconstruction": "b"})
        self.tile = self.scene.stored_run / "tiles" / "tile_000000.fits"
        self.tile.parent.mkdir(parents=True, exist_ok=True)

    def record(self, digests, status="done"):
        products = {name: {"digest": digest} for name, digest in digests.items()}
        (self.scene.run / "run.json").write_text(json.dumps({"status": status, "products": products}))

    def journal(self, content):
        key = f"{self.scene.run_id}/tiles/tile_000000.fits"
        line = {"tile_id": 0, "tile_data_ref": key, "tile_data_checksum": hashlib.sha256(content).hexdigest()}
        (self.scene.run / "journal.jsonl").write_text(json.dumps(line) + "\n")

    def check_files(self):
        self.scene.check_pictures()
        self.scene.check_damaged_tiles()

    def test_equal_digests_pass_and_others_do_not(self):
        self.check_files()
        for digests in ({"stack": "a"}, {"stack": "a", "reconstruction": "c"}, {"stack": "a", "reconstruction": "b", "more": "d"}):
            self.record(digests)
            self.assertRaises(Wrong, self.check_files)

    def test_a_damaged_tile_must_be_whole_again(self):
        self.tile.write_bytes(b"damaged")
        self.scene.damaged[self.tile] = hashlib.sha256(b"damaged").hexdigest()
        self.journal(b"whole")
        self.assertRaises(Wrong, self.check_files)
        self.tile.write_bytes(b"something else")
        self.assertRaises(Wrong, self.check_files)
        self.tile.write_bytes(b"whole")
        self.check_files()

    def test_an_end_of_the_master_without_a_fault_is_a_failure(self):
        for code in (1, 3, 4, 5, 70, -9, -11, 143):
            self.assertRaises(Wrong, self.scene.explain, code)

    def test_a_party_that_does_harm_may_not_end_by_itself(self):
        self.addCleanup(self.scene.clean_up)
        self.scene.workers = []
        rogue = self.scene.start_rogue(["sleep", "60"])
        self.scene.look_after_workers()
        rogue.child.kill()
        rogue.child.wait()
        self.assertRaisesRegex(Wrong, "rogue-0 ended with -9", self.scene.look_after_workers)

    def test_progress_counts_results_once(self):
        self.assertEqual(self.scene.progress(), 0)
        self.journal(b"whole")
        line = (self.scene.run / "journal.jsonl").read_text()
        (self.scene.run / "journal.jsonl").write_text(line + line + line[:20])
        self.assertEqual(self.scene.progress(), 0.5)


class Rogues(unittest.TestCase):
    """Parties that do harm: what they are started with, and what they forge."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        root = pathlib.Path(self.folder.name)
        (root / "night" / "frames").mkdir(parents=True)
        (root / "night" / "frames" / "light_1.fits").write_text("a frame")
        night = types.SimpleNamespace(program=root / "bin" / "tilecompile", config=root / "night" / "run.yaml", tiles=4)
        self.task = {"correlation_id": "c0ffee00-0000-4000-8000-000000000000", "tiles": [{"tile_id": 2}]}
        broker = types.SimpleNamespace(port=1, copies_of_tasks=lambda: [(None, json.dumps(self.task).encode())])
        self.scene = Scene(night, broker, root, root / "disk", draw(1), 60)

    def fault(self, target):
        return Fault("a kind", 0.1, 1.0, target)

    def test_liars_tell_every_lie(self):
        commands = [rogues.lying_worker(self.scene, self.fault(target)) for target in range(WORKERS)]
        self.assertEqual({words[-1] for words in commands}, set(rogues.LIES))
        self.assertEqual(commands[0][0], self.scene.night.program.parent / "tests" / "lying_worker")

    def test_a_misconfigured_worker_has_no_frames_or_others(self):
        for target, files in ((0, []), (1, ["light_1.fits"])):
            words = rogues.misconfigured_worker(self.scene, self.fault(target))
            frames = words[words.index("--input.dir") + 1]
            self.assertEqual([frame.name for frame in frames.iterdir()], files)
            self.assertTrue(all(frame.read_text() != "a frame" for frame in frames.iterdir()))
            self.scene.rogues.append(None)

    def test_a_duplicate_has_the_name_of_the_worker_that_runs(self):
        names = []
        for worker in self.scene.workers:
            worker.start = lambda words: names.append(words[words.index("--worker_id") + 1])
        for start in (0, 1):
            self.scene.workers[1].starts = start
            self.scene.start_worker(self.scene.workers[1])
            self.scene.workers[1].starts += 1  # as the real start does
            words = rogues.duplicate_worker(self.scene, self.fault(1))
            self.assertEqual(words[words.index("--worker_id") + 1], names[-1])

    def test_forgeries_name_tasks_of_the_run_and_others_and_no_honest_worker(self):
        answers = []
        for _, body in rogues.forge(self.scene):
            try:
                answers.append(json.loads(body))
            except ValueError:
                continue
        self.assertEqual(len(answers), rogues.FORGERIES)
        self.assertTrue(all(answer["worker_id"].startswith(("forger-", "master")) for answer in answers))
        self.assertIn(self.task["correlation_id"], {answer["correlation_id"] for answer in answers})
        self.assertGreater(len({answer["correlation_id"] for answer in answers}), 1)
        self.assertTrue(any("error" in answer for answer in answers))
        self.assertTrue(any(answer["attempt"] > 1 for answer in answers))


class Tables(unittest.TestCase):
    def test_failures_and_faults_that_never_struck_are_told(self):
        good = {"seed": 1, "faults": "x", "kinds": ["kill worker", "kill worker", "fill disk"], "missed": ["fill disk"], "restarts": 2,
                "copies": 0, "again": 1, "named": 0, "seconds": 10.0, "wrong": ""}
        bad = dict(good, seed=2, kinds=["fill disk"], missed=[], seconds=20.0, wrong="other digests")
        rows = table([good, bad]).splitlines()
        self.assertIn("| kill worker | 2 | 1 | 0 | 10 |", rows)
        self.assertIn("| fill disk | 1 | 1 | 1 | 20 |", rows)
        self.assertIn("| all | 3 | 2 | 1 | 15 |", rows)
        self.assertIn("FAILED: other digests", line_of(bad))
        self.assertIn("not struck: fill disk", line_of(good))


if __name__ == "__main__":
    unittest.main()
