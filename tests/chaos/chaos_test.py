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

from chaos import line_of, table
from faults import BROKER_DIES, KINDS, QUEUE_IS_MADE_ANEW, draw
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
        night = types.SimpleNamespace(digests={"stack": "a", "reconstruction": "b"}, tiles=1)
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

    def test_progress_counts_results_once(self):
        self.assertEqual(self.scene.progress(), 0)
        self.journal(b"whole")
        line = (self.scene.run / "journal.jsonl").read_text()
        (self.scene.run / "journal.jsonl").write_text(line + line + line[:20])
        self.assertEqual(self.scene.progress(), 0.5)


class Tables(unittest.TestCase):
    def test_failures_and_faults_that_never_struck_are_told(self):
        good = {"seed": 1, "faults": "x", "kinds": ["kill worker", "kill worker", "fill disk"], "missed": ["fill disk"], "restarts": 2,
                "copies": 0, "again": 1, "seconds": 10.0, "wrong": ""}
        bad = dict(good, seed=2, kinds=["fill disk"], missed=[], seconds=20.0, wrong="other digests")
        rows = table([good, bad]).splitlines()
        self.assertIn("| kill worker | 2 | 1 | 0 | 10 |", rows)
        self.assertIn("| fill disk | 1 | 1 | 1 | 20 |", rows)
        self.assertIn("| all | 3 | 2 | 1 | 15 |", rows)
        self.assertIn("FAILED: other digests", line_of(bad))
        self.assertIn("not struck: fill disk", line_of(good))


if __name__ == "__main__":
    unittest.main()
