#!/usr/bin/python3
"""The measuring of scripts/quality on pictures whose figures are known. Exit code 77: a module is missing."""
import pathlib
import sys
import tempfile
import unittest

try:
    import numpy
    import sep  # noqa: F401
    import astropy  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing}; scripts/install-deps.sh --tests installs it")
    sys.exit(77)

from astropy.io import fits  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts" / "quality"))
from faults import shadow_model, shadow_row  # noqa: E402
from frames import best_half, measure_frames  # noqa: E402
from halves import noise_of_difference  # noqa: E402
from images import background_rms, clipped_scale  # noqa: E402
from measure import Field, markdown, measure  # noqa: E402
from reweigh import reconstruct  # noqa: E402
from seams import seam_figures  # noqa: E402
from sky_steps import sky_figures  # noqa: E402
from stacks import clipped_mean, weighted_mean  # noqa: E402
from stars import fit_gaussians  # noqa: E402
from truth import ranks  # noqa: E402

SIZE, STEP = 72, 54
GRID = {"size": SIZE, "step": STEP}


def gaussian(shape, x, y, fwhm, flux=1.0, ratio=1.0):
    """Star whose axes are fwhm / sqrt(ratio) in x and fwhm * sqrt(ratio) in y."""
    v, u = numpy.indices(shape)
    sx, sy = fwhm / 2.354820045 / ratio ** 0.5, fwhm / 2.354820045 * ratio ** 0.5
    return flux / (2 * numpy.pi * sx * sy) * numpy.exp(-0.5 * (((u - x) / sx) ** 2 + ((v - y) / sy) ** 2))


def star_field(fwhm, noise, fluxes, seed=1, scale=1.0, step=40):
    """Stars on a lattice with sub-pixel phases, sky 100."""
    random = numpy.random.default_rng(seed)
    image = 100 + random.normal(0, noise, (480, 640))
    places = [(x, y) for y in range(40, 450, step) for x in range(40, 610, step)]
    for (x, y), flux, (a, b) in zip(places, fluxes, numpy.random.default_rng(7).uniform(-0.5, 0.5, (len(places), 2))):
        box = (slice(y - 18, y + 19), slice(x - 18, x + 19))
        image[box] += gaussian((37, 37), 18 + a, 18 + b, fwhm, flux * scale)
    return image


FLUXES = 10 ** numpy.random.default_rng(3).uniform(3, 5, 165)


class Shapes(unittest.TestCase):
    def test_fit_gives_fwhm_and_ellipticity_at_any_phase(self):
        for fwhm in (1.9, 3.0, 6.5):
            for phase in (0.0, 0.3, 0.49):
                image = 50 + gaussian((61, 61), 30 + phase, 30 - phase, fwhm, 1e4, 0.8)
                shape = fit_gaussians(image, numpy.array([30.0]), numpy.array([30.0]), 12)
                self.assertTrue(shape["good"][0])
                self.assertAlmostEqual(shape["fwhm"][0] / fwhm, 1, delta=0.002)
                self.assertAlmostEqual(shape["ellipticity"][0], 0.2, delta=0.005)
                self.assertAlmostEqual(shape["x"][0], 30 + phase, delta=0.005)

    def test_noise_of_a_plain_sky(self):
        image = numpy.random.default_rng(2).normal(10, 3, (320, 320))
        self.assertAlmostEqual(background_rms(image, numpy.zeros(image.shape, bool)), 3, delta=0.03)
        self.assertAlmostEqual(clipped_scale(image), 3, delta=0.03)


class Rows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.plain = star_field(3.0, 2.0, FLUXES)
        cls.field = Field(cls.plain, numpy.ones(cls.plain.shape), GRID)

    def row(self, **changes):
        return measure(star_field(**{"fwhm": 3.0, "noise": 2.0, "fluxes": FLUXES, "seed": 5, **changes}), self.field)

    def test_stars_are_found(self):
        self.assertGreater(len(self.field.stars), 140)

    def test_snr_is_that_of_the_matched_filter(self):
        # flux sqrt(sum of the squared PSF) / noise, and sum of squares = 1 / (4 pi sigma^2)
        known = self.field.stars.flux * numpy.sqrt(1 / (4 * numpy.pi * (3.0 / 2.3548) ** 2)) / 2.0
        ratio = numpy.median(self.field.star_snr(self.plain, self.plain, 3.0)[0] / known)
        self.assertAlmostEqual(ratio, 1, delta=0.04)

    def test_half_the_noise_is_twice_the_signal_to_noise(self):
        row = self.row(noise=1.0)
        self.assertAlmostEqual(row["rms_ratio"], 0.5, delta=0.01)
        self.assertAlmostEqual(row["snr_ratio"], 2.0, delta=0.06)
        self.assertAlmostEqual(row["fwhm_change"], 0, delta=0.3)

    def test_sharper_stars_of_other_units(self):
        row = self.row(fwhm=2.7, noise=0.02, scale=0.01)
        self.assertAlmostEqual(row["fwhm_change"], -10, delta=0.4)
        self.assertAlmostEqual(row["flux_ratio"], 0.01, delta=0.00003)  # a wide aperture holds all of both

    def test_sharper_stars_alone_are_no_less_noise(self):
        row = self.row(fwhm=2.4)
        self.assertAlmostEqual(row["fwhm_change"], -20, delta=0.4)
        self.assertAlmostEqual(row["rms_ratio"], 1, delta=0.012)

    def test_frames_that_show_no_sound_star_are_measured_all_the_same(self):
        empty = 100 + numpy.random.default_rng(11).normal(0, 2, self.plain.shape)
        facts = measure_frames(numpy.stack([self.plain, empty, numpy.full_like(empty, 100)]), self.field)
        self.assertTrue(all(numpy.isfinite(values).all() for values in facts.values()))
        self.assertTrue((facts["scale"] > 0).all())
        self.assertEqual(best_half(facts)[0], 0)

    def test_a_field_without_stars_has_rows_without_figures_of_stars(self):
        noise = [100 + numpy.random.default_rng(seed).normal(0, 2, (320, 320)) for seed in (12, 13)]
        row = measure(noise[1], Field(noise[0], numpy.ones(noise[0].shape), GRID))
        self.assertTrue(numpy.isnan(row["fwhm"]))
        self.assertAlmostEqual(row["rms_ratio"], 1, delta=0.03)
        self.assertIn("| - |", markdown([("empty", row)]))

    def test_the_difference_of_halves_is_noise_alone(self):
        scene = numpy.random.default_rng(14).normal(0, 20, self.plain.shape)  # what all frames share
        halves = [star_field(3.0, 2.0, FLUXES, seed) + scene for seed in (15, 16)]
        self.assertAlmostEqual(noise_of_difference(self.field, *halves), 2.0 * numpy.sqrt(2), delta=0.05)

    def test_planted_scatter_and_slope_of_the_fluxes(self):
        bend = 1 + numpy.random.default_rng(4).normal(0, 0.03, FLUXES.size)
        row = self.row(noise=0.2, fluxes=FLUXES * bend)
        self.assertAlmostEqual(row["scatter"], 3.0, delta=0.8)
        tilt = 1 - 0.02 * 2.5 * numpy.log10(FLUXES / 1e4)  # 2 % a magnitude, faint ones too bright
        self.assertAlmostEqual(self.row(noise=0.2, fluxes=FLUXES * tilt)["slope"], 2.0, delta=0.3)


class Seams(unittest.TestCase):
    def figures(self, pattern, seed=6):
        difference = numpy.random.default_rng(seed).normal(0, 1, (480, 640)) + pattern
        return seam_figures(difference, numpy.zeros(difference.shape, bool), 1.0, GRID)

    def test_nothing_planted_nothing_found(self):
        found = self.figures(0)
        self.assertLess(found["fold"], 0.03)
        self.assertLess(found["step"], 0.06)

    def test_one_pattern_in_every_tile_is_found_by_the_fold(self):
        wave = 0.1 * numpy.sqrt(2) * numpy.cos(2 * numpy.pi * numpy.arange(640) / STEP)
        # only along x: the mean of both axes' powers has half of it
        self.assertAlmostEqual(self.figures(wave[None, :])["fold"], 0.1 / numpy.sqrt(2), delta=0.015)

    def test_levels_of_random_sign_are_found_by_the_step(self):
        levels = numpy.random.default_rng(8).normal(0, 0.3, (10, 13))
        pattern = numpy.kron(levels, numpy.ones((STEP, STEP)))[45:525, 45:685]  # borders in the middle of the overlaps
        self.assertGreater(self.figures(pattern)["step"], 0.2)


class SkySteps(unittest.TestCase):
    def test_steps_along_the_borders_are_in_units_of_the_noise(self):
        stripes = 0.5 * (-1) ** (numpy.arange(640) // 8)[None, :]  # steps of 1, each measured as 2 on two of four sides
        every = numpy.ones((480, 640), bool)
        for sd in (0.1, 1.0):
            image = 5 * (numpy.random.default_rng(17).normal(0, sd, (480, 640)) + stripes)
            found = sky_figures(image, image, every, every.astype(float), 5.0, SIZE)["border"]
            self.assertAlmostEqual(found, 2 * numpy.sqrt(480 / (480 + 640)), delta=0.1)


class Stacks(unittest.TestCase):
    def test_means(self):
        random = numpy.random.default_rng(9)
        stack = random.normal(100, 1, (40, 50, 60)).astype(numpy.float32)
        stack[3, 10, 10] = 1000
        stack[5, :, :20] = numpy.nan
        weights = random.uniform(1, 2, 40)
        valid = numpy.isfinite(stack[:, 0, 0])
        expected = (weights[valid] * stack[valid, 0, 0]).sum() / weights[valid].sum()
        self.assertAlmostEqual(weighted_mean(stack, weights)[0, 0], expected, delta=1e-3)
        clipped = clipped_mean(stack, 4, 4)
        rest = [i for i in range(40) if i not in (3, 5)]
        self.assertAlmostEqual(clipped[10, 10], stack[rest, 10, 10].mean(), delta=1e-3)

    def test_equal_weights_give_the_plain_mean(self):
        frames = numpy.random.default_rng(10).normal(100, 1, (5, 40, 60)).astype(numpy.float32)
        tiles = [{"x0": x, "y0": y, "w": 24, "h": 24} for y in (0, 16) for x in (0, 18, 36)]
        picture = reconstruct(frames, numpy.ones((6, 5)), {"tiles": tiles})
        self.assertLess(abs(picture - frames.mean(axis=0)).max(), 1e-3)

    def test_ranks(self):
        self.assertEqual(list(ranks(numpy.array([3.0, 1.0, 2.0]))), [2, 0, 1])



class Shadows(unittest.TestCase):
    def test_depth_is_that_of_the_shadow_whatever_the_plain_mean_holds(self):
        with tempfile.TemporaryDirectory() as folder:
            night = pathlib.Path(folder)
            (night / "dust.csv").write_text("x,y,radius_px,depth\n50,50,12,0.1\n150,150,14,0.08\n150,50,13,0.09\n50,150,14,0.07\n")
            (night / "frames.csv").write_text("frame,path,dx,dy,sky,fwhm_px,guiding\n" + "".join(
                f"{i},f{i}.fits,{i % 3 - 1},{i // 3 - 1},400,3,round\n" for i in range(9)))
            # the wings of a saturated star reach into a shadow
            (night / "catalogue.csv").write_text("x,y,flux\n50,40,3e6\n10,100,200\n")
            shape = (200, 200)
            fits.writeto(night / "truth.fits", numpy.zeros(shape, "float32"))
            plain = -400 * sum(shadow_model(night, shape))
            for factor in (1.0, 1.1):
                picture, mean = factor * plain, plain.copy()
                picture[40:60, 40:60] -= 30
                mean[148:151, 100:] += 20  # a trail
                for name, image in (("a", picture), ("b", mean)):
                    fits.writeto(night / f"{name}.fits", image.astype("float32"), overwrite=True)
                row = shadow_row(night / "a.fits", night / "b.fits", night, numpy.zeros(shape, bool))
                self.assertAlmostEqual(row["shadow"], factor, delta=0.05)
                self.assertLess(row["shadow_error"], 0.1)


if __name__ == "__main__":
    unittest.main()
