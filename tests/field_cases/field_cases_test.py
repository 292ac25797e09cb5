#!/usr/bin/python3
"""The measure and the verdicts of the driver. Exit code 77: a module is missing."""
import collections
import json
import pathlib
import sys
import tempfile
import unittest

try:
    import numpy
    from astropy.io import fits
except ImportError as missing:
    print(f"skipped: {missing}; scripts/install-deps.sh --tests installs it")
    sys.exit(77)

import night
import stars
from cases import picture, refused
from field_cases import CASES
from outcome import Outcome, is_card, judge


def image(flux=1.0, sigma=1.35, dx=0.0):
    random = numpy.random.default_rng(1)
    return 500 + flux * night.shine(night.STARS, sigma, dx) + random.normal(0, 2, (night.HIGH, night.WIDE))


class Measure(unittest.TestCase):
    def test_it_sees_flux_and_width_to_a_tenth_of_the_limit(self):
        for flux, sigma in ((1.0, 1.35), (0.99, 1.35), (1.01, 1.3365), (0.75, 1.5)):
            found, width = stars.compare(image(flux, sigma), image(), night.BRIGHT)
            self.assertAlmostEqual(found, flux, delta=0.001)
            self.assertAlmostEqual(width, sigma / 1.35, delta=0.003)

    def test_moved_stars_are_not_those_of_the_clean_night(self):
        found, width = stars.compare(image(dx=3), image(), night.BRIGHT)
        self.assertFalse(abs(found - 1) < 0.01 and abs(width - 1) < 0.01)
        found, _ = stars.compare(numpy.full((night.HIGH, night.WIDE), 500.0), image(), night.BRIGHT)
        self.assertLess(abs(found), 0.01)

    def test_stars_of_a_real_picture_are_found(self):
        places = stars.find(image(), 10)
        self.assertEqual(len(places), 10)
        for x, y in places:
            self.assertLess(min(numpy.hypot(night.STARS[:, 0] - x, night.STARS[:, 1] - y)), 0.3)


class Verdicts(unittest.TestCase):
    """A run directory as the program leaves it, judged."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name) / "out"
        self.write(self.out / "clean", image())
        self.clean = Outcome(0, "", self.out, self.out / "clean")

    def write(self, out, data, left_out=(), **cards):
        run = out / "id"
        run.mkdir(parents=True, exist_ok=True)
        header = fits.Header({"STACKCNT": 30, "DATE-OBS": "2024-03-01T20:00:00.000", **cards})
        for product in ("stacked.fit", "classical.fits"):
            fits.writeto(run / product, data.astype("f4"), header, overwrite=True)
        (run / "run.json").write_text(json.dumps({
            "frames": {"count": 30, "channels": 1}, "quarantined_frames": [{"path": path, "reason": "x"} for path in left_out],
            "products": {"stack": {"digest": str(data.sum())}}}))

    def judged(self, expect, data=None, code=0, text="", **more):
        self.write(self.out / "run", image() if data is None else data, **more)
        return judge(Outcome(code, text, self.out, self.out / "run"), expect, self.clean, night.BRIGHT, lambda _names: self.clean)[0]

    def test_a_good_picture_passes(self):
        self.assertEqual(self.judged(picture(remains=30, cards=(("STACKCNT", 30), ("DATE-OBS", "2024-03-01"), ("LIVETIME", None)))), [])
        self.assertEqual(self.judged(picture(("not registered",), left_out=("a.fit",)), text="a.fit is Not Registered", left_out=["a.fit"]), [])

    def test_everything_that_can_be_wrong_is_told(self):
        for expect, more in (
                (refused(), {}), (picture(), {"code": 70}), (picture(("dark",)), {"text": "star"}),
                (picture(never=("dark",)), {"text": "a Dark"}), (picture(), {"text": "a\x1b[31m"}), (picture(remains=29), {}),
                (picture(left_out=("a.fit",)), {}), (picture(left_out=("a.fit",)), {"left_out": ["a.fit", "b.fit"]}),
                (picture(left_out=("a.fit",)), {"left_out": ["a.fit"], "data": image() + 0.001}),
                (picture(cards=(("LIVETIME", None),)), {"LIVETIME": 60.0}), (picture(cards=(("STACKCNT", 31),)), {}),
                (picture(), {"data": image(0.98)}), (picture(), {"data": image(1.0, 1.4)}), (picture(), {"data": image() + 10}),
                (picture(check=lambda outcome: ["odd"]), {})):
            self.assertEqual(len(self.judged(expect, **more)) >= 1, True, (expect, more))

    def test_paths_and_ids_are_no_words(self):
        text = f"{self.out}/dark written to 0a1b2c3d-0000-4000-8000-000000000001, {'ab' * 32}"
        outcome = Outcome(0, text, self.out, self.out / "clean")
        self.assertNotIn(str(self.out.parent), outcome.text)
        self.assertNotRegex(outcome.text, "0a1b|abab")

    def test_cards(self):
        for found, wanted, good in ((60, 60.0, True), (61, 60.0, False), (None, None, True), (60, None, False), (None, 60.0, False),
                                    ("60,0", 60.0, False), (None, (None, 5), True), ("2024-03-01T20", "2024-03-01", True)):
            self.assertEqual(is_card(found, wanted), good, (found, wanted))


class Table(unittest.TestCase):
    def test_names_are_unique(self):
        self.assertEqual([name for name, count in collections.Counter(case.name for case in CASES).items() if count > 1], [])


if __name__ == "__main__":
    unittest.main()
