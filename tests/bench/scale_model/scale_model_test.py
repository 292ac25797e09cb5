#!/usr/bin/python3
"""The arithmetic of the model: sums where nothing overlaps, bounds where something is full."""
import math
import random
import unittest

import scale_model as model
from scale_model import Night, Phase, play, whole_run


class Play(unittest.TestCase):
    def test_one_worker_does_one_step_after_the_other(self):
        phase = Phase(tasks=10, read_s=2, local_s=1, compute_s=5, messages=4, message_s=0.25, master_s=0.5)
        seconds, busy = play(phase, 1, 1)
        self.assertAlmostEqual(seconds, 10 * (2 + 1 + 5 + 1) + 0.5)
        self.assertAlmostEqual(busy["cores"], 50)
        self.assertAlmostEqual(busy["storage"], 20)

    def test_workers_that_share_nothing_divide_the_work(self):
        phase = Phase(tasks=17, read_s=0, local_s=0, compute_s=3, messages=0, message_s=0, master_s=0)
        for workers in (1, 2, 5, 16, 17, 40):
            self.assertAlmostEqual(play(phase, workers, workers)[0], 3 * math.ceil(17 / workers))

    def test_workers_beyond_the_cores_gain_nothing(self):
        phase = Phase(tasks=20, read_s=0, local_s=0, compute_s=3, messages=0, message_s=0, master_s=0)
        self.assertAlmostEqual(play(phase, 8, 2)[0], play(phase, 2, 2)[0])

    def test_a_full_storage_sets_the_time(self):
        phase = Phase(tasks=100, read_s=2, local_s=0, compute_s=3, messages=0, message_s=0, master_s=0)
        self.assertAlmostEqual(play(phase, 50, 50)[0], 100 * 2 + 3)

    def test_a_full_master_sets_the_time(self):
        phase = Phase(tasks=100, read_s=0, local_s=0, compute_s=1, messages=0, message_s=0, master_s=2)
        self.assertAlmostEqual(play(phase, 50, 50)[0], 1 + 100 * 2)

    def test_no_resource_is_busier_than_the_run_is_long(self):
        draw = random.Random(7)
        for _ in range(200):
            phase = Phase(draw.randint(1, 60), draw.random(), draw.random(), draw.random(), draw.randint(0, 9),
                          draw.random() / 10, draw.random())
            workers, cores = draw.randint(1, 20), draw.randint(1, 20)
            for shared in (False, True):
                seconds, busy = play(phase, workers, cores, shared=shared)
                self.assertLessEqual(max(busy.values()), seconds + 1e-9)
                alone = phase.read_s + phase.local_s + phase.compute_s + phase.messages * phase.message_s + phase.master_s
                self.assertGreaterEqual(seconds, alone - 1e-9)
                self.assertLessEqual(seconds, phase.tasks * alone + 1e-9)


class Runs(unittest.TestCase):
    def test_more_workers_never_take_longer_and_no_more_than_their_number_helps(self):
        night = Night(frames=500, pixels=4e6, analysis_by_workers=True)
        one, before = whole_run(night, 1)[0], math.inf
        for workers in (1, 2, 4, 8, 32):
            seconds = whole_run(night, workers)[0]
            self.assertLessEqual(seconds, before * (1 + 1e-9))
            self.assertGreaterEqual(seconds * workers, one * (1 - 1e-9))
            before = seconds

    def test_what_is_named_is_what_was_made_slow(self):
        self.assertEqual(whole_run(Night(), 1)[2], "cores")
        self.assertEqual(whole_run(Night(analysis_by_workers=True), 1000)[2], "storage")
        self.assertEqual(whole_run(Night(storage_bytes_s=1e15), 1000)[2], "the master's analysis")

    def test_the_work_of_a_night_is_that_of_its_samples(self):
        night = Night()
        tiles = night.tile_tasks()
        self.assertAlmostEqual(tiles.tasks * tiles.compute_s / (1e13 * model.TILES_S), 1)
        self.assertAlmostEqual(tiles.tasks * tiles.read_s * 1.1e9 / (2e13 * 64 / 48), 1)

    def test_a_run_on_one_machine_is_the_work_of_one_worker_shared(self):
        one = [{"name": "reconstruct tiles", "seconds": 40.0, "cpu_seconds": 0.0},
               {"name": "write products", "seconds": 3.0, "cpu_seconds": 3.0}]
        self.assertAlmostEqual(model.predicted(one, 1), 43, delta=0.01)
        self.assertAlmostEqual(model.predicted(one, 2), 23, delta=0.01)
        self.assertAlmostEqual(model.predicted(one, 8), 23, delta=0.01)
        self.assertAlmostEqual(model.predicted(one, 2, slowdown=1.5), 33, delta=0.01)
        self.assertAlmostEqual(model.predicted(one, 4, cores=8), 13, delta=0.01)

    def test_what_a_master_does_between_rounds_is_not_shared(self):
        one = [{"name": "measure seeing", "seconds": 12.0, "cpu_seconds": 4.0}]
        between = 4 * model.BETWEEN_SHARE
        self.assertAlmostEqual(model.predicted(one, 2), between + (12 - between + 4 - between) / 2, delta=0.3)


if __name__ == "__main__":
    unittest.main()
