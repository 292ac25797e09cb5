"""The nights that are measured: two real sets and simulated ones, all small enough for minutes a table."""
import dataclasses
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class DataSet:
    name: str
    text: str
    simulate: tuple = ()  # options of `tilecompile simulate`; empty: real frames
    settings: tuple = ()  # `--set` of every run

    def frames_dir(self, work):
        if self.simulate:
            return work / "night" / "frames"
        return pathlib.Path(os.environ.get("TILECOMPILE_TEST_DATA", ROOT.parent / "shared" / "data")).resolve() / self.name

    def prepare(self, work, tilecompile):
        """Simulates the night once; a half-written one is written again."""
        if not self.simulate:
            if not self.frames_dir(work).is_dir():
                raise SystemExit(f"quality: {self.frames_dir(work)} is missing; TILECOMPILE_TEST_DATA names its parent")
            return
        if not (work / "night" / "run.yaml").exists():  # written last
            subprocess.run(["rm", "-rf", str(work / "night")], check=True)
            subprocess.run([tilecompile, "simulate", str(work / "night"), *self.simulate], check=True,
                           stdout=subprocess.DEVNULL)


def night(name, text, frames=100, width=640, height=480, stars=150, settings=(), **options):
    """Defects as in every night: hot pixels, cosmic rays, a trail in 2 % of the frames."""
    values = {"frames": frames, "width": width, "height": height, "stars": stars, "fwhm-spread": 0,
              "seeing-field": 0, "clouds": 0, **{key.replace("_", "-"): value for key, value in options.items()}}
    return DataSet(name, text, tuple(part for key, value in values.items() for part in (f"--{key}", str(value))),
                   settings)


DATA_SETS = {data.name: data for data in (
    DataSet("hatp32", "142 real frames of 650 x 500 px, one night, 60 s, uncalibrated"),
    DataSet("akb64", "64 real frames of 512 x 512 px from 24 nights, 150 to 500 s",
            settings=("data.exposure_tolerance_percent=300",)),
    night("steady", "steady night"),
    night("seeing", "seeing changes from frame to frame (log FWHM by 0.2)", fwhm_spread=0.2),
    night("cloud", "thin cloud: transparency down to 0.4", clouds=0.6),
    night("field", "seeing field: log FWHM changes by 0.2 from frame to frame and by 0.2 over a frame, cloud to 0.7",
          fwhm_spread=0.2, seeing_field=0.2, clouds=0.3),
    night("photometry", "the seeing field with a dark sky and no defects: fluxes are known to 0.1 %", width=960,
          height=720, stars=330, sky=20, fwhm_spread=0.2, seeing_field=0.2, clouds=0.3, trails=0, cosmic_rays=0,
          hot_pixels=0),
    night("bad10", "10 % bad frames: twice the FWHM, or trailed", fwhm_spread=0.1, seeing_field=0.1, bad=0.1),
    night("shadows", "dust shadows that drift with the detector, five saturated stars with halos and streaks",
          fwhm_spread=0.2, seeing_field=0.1, clouds=0.2, dust=12, bright_stars=5),
    night("trails", "20 % of the frames trailed by 1 to 4 FWHM, 10 % doubled", fwhm_spread=0.1, seeing_field=0.1,
          trailed=0.2, doubled=0.1),
    night("asteroid", "a bright asteroid and three fainter ones", fwhm_spread=0.2, seeing_field=0.1, clouds=0.2,
          moving_objects=3, asteroid=200000),
    night("few30", "30 frames", frames=30, fwhm_spread=0.15, seeing_field=0.15, clouds=0.3),
    night("moon", "moonlight as bright as the sky on its side, turning with the night, and dawn; seeing as field",
          fwhm_spread=0.2, seeing_field=0.2, clouds=0.3, sky_gradient=1),
    night("vignette", "no flats: corners lose 30 % of the light, the field drifts by 80 px; some moonlight",
          fwhm_spread=0.2, seeing_field=0.2, vignetting=0.3, drift=80, sky_gradient=0.3),
    night("sessions", "half of the frames from another session, turned by 22 degrees, that covers half of the field "
          "under another moon", width=800, height=600, stars=250, fwhm_spread=0.2, seeing_field=0.1, vignetting=0.1,
          sky_gradient=0.7, second_session=0.5),
    night("crowded", "crowded field with some moonlight", stars=2500, fwhm_spread=0.2, seeing_field=0.2,
          sky_gradient=0.3),
    night("many300", "300 frames", frames=300, width=480, height=360, stars=85, fwhm_spread=0.15, seeing_field=0.15,
          clouds=0.3, settings=("stacking.engine=internal",)))}  # Siril would only check the mean of synthetic frames

SEEING_OF_DEFECTS = {"fwhm_spread": 0.2, "seeing_field": 0.1, "clouds": 0.2}
NIGHTS_OF_DEFECTS = {data.name: data for data in (
    night("defects", "many defects", **SEEING_OF_DEFECTS, trails=0.1, cosmic_rays=10, hot_pixels=3e-4,
          moving_objects=3),
    night("clean", "the same night without", **SEEING_OF_DEFECTS, trails=0, cosmic_rays=0, hot_pixels=0))}
