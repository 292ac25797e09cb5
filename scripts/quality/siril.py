"""Stacks registered frames with siril-cli 1.0.6.

What 1.0.6 does with its options: `-norm` and `-weighted` need a rejection, `-weighted` (weights from the background
noise) a normalisation too; floats above 1 are cut, so frames are scaled below 1 and the stack is scaled back; a pixel
of exactly 0 has no data. The frames lie on one grid already and the sequence has no registration of its own, so
nothing is moved and `-filter-wfwhm` has nothing to filter by: the caller picks the frames.
"""
import pathlib
import subprocess
import tempfile

import numpy
from astropy.io import fits


SCRIPT = "requires 1.0.0\nsetext fits\nstack light_ rej w {low} {high} {options} -out=result\n"


def write_sequence(folder, stack, ceiling):
    """Frames as float32 over `ceiling` with 0 for no data, named light_00001.fits ..."""
    for i, frame in enumerate(stack):
        scaled = numpy.nan_to_num(frame / ceiling, nan=0).astype(numpy.float32)
        fits.writeto(folder / f"light_{i + 1:05d}.fits", scaled)


def stack_with_siril(stack, out, options="-norm=addscale", low=3, high=3):
    """Winsorized sigma clipping of `stack` (frames, height, width) to the FITS file `out`, in the input's units."""
    ceiling = 1.01 * float(numpy.nanmax(stack))
    with tempfile.TemporaryDirectory(dir=pathlib.Path(out).resolve().parent) as scratch:
        work = pathlib.Path(scratch)
        write_sequence(work, stack, ceiling)
        (work / "stack.ssf").write_text(SCRIPT.format(low=low, high=high, options=options))
        done = subprocess.run(["siril-cli", "-d", scratch, "-s", str(work / "stack.ssf")], capture_output=True,
                              text=True, env={"HOME": scratch, "PATH": "/usr/bin:/bin", "LC_ALL": "C"}, check=False)
        if not (work / "result.fits").exists():
            raise RuntimeError(f"siril-cli wrote no stack:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        image = fits.getdata(work / "result.fits").astype(numpy.float64) * ceiling
    fits.writeto(out, image.astype(numpy.float32), overwrite=True)
    return done.stdout
