#!/usr/bin/python3
"""Draws what a picture has beside its plain mean, for the eye: at equal star flux, smoothed by 3 px, from -1 (black) to
+1 (white) of the picture's noise a pixel. Sharper stars are white with a dark ring; what was rejected is black.

Usage: scripts/quality/difference.py RUN_DIR OUT.png
"""
import pathlib
import struct
import sys
import zlib

import numpy

from images import convolve, gaussian_kernel, read_image
from measure import Field, find_run

SMOOTHED_FWHM = 3.0


def write_png(path, grey):
    """`grey`: (height, width) bytes, first row at the bottom as in FITS."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    height, width = grey.shape
    rows = b"".join(b"\0" + row.tobytes() for row in grey[::-1])
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pathlib.Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def difference(run_dir):
    """Difference over the noise, smoothed; NaN where there is no picture."""
    run_dir = find_run(run_dir)
    field = Field.of_run(run_dir)
    picture, plain = (read_image(run_dir / name) for name in ("reconstruction.fits", "classical.fits"))
    known = numpy.isfinite(picture) & numpy.isfinite(plain)
    noise = numpy.sqrt(numpy.nanmedian(read_image(run_dir / "reconstruction.variance.fits")))
    rest = numpy.where(known, picture - plain * field.flux_ratio(picture), 0) / noise
    rest[known] -= numpy.median(rest[known])
    kernel = gaussian_kernel(SMOOTHED_FWHM)
    smooth = convolve(rest, kernel) / numpy.maximum(convolve(known.astype(float), kernel), 1e-6)
    return numpy.where(known, smooth, numpy.nan)


def main(run_dir, out):
    grey = 127.5 * (1 + numpy.clip(difference(run_dir), -1, 1))
    write_png(out, numpy.where(numpy.isfinite(grey), grey, 0).astype(numpy.uint8))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
