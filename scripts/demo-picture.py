#!/usr/bin/python3
"""Draws docs/images/demo.png: crops of the classical stack and of the reconstruction, stretched alike.

Usage: scripts/demo-picture.py RUN_DIRECTORY OUT.png [X0 Y0 SIZE ZOOM]

Left the plain mean, right the reconstruction. Made for the result of scripts/demo.sh; needs python3-numpy and
python3-astropy (scripts/install-deps.sh --tests).
"""
import struct
import sys
import zlib

import numpy
from astropy.io import fits

GAP_PX = 6


def write_png(path, grey):
    """Writes a uint8 array (height, width), first row on top."""
    height, width = grey.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in grey)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def main(run, out, x0=420, y0=250, size=120, zoom=4):
    x0, y0, size, zoom = (int(v) for v in (x0, y0, size, zoom))
    crops = []
    for name in ("classical", "reconstruction"):
        image = fits.getdata(f"{run}/{name}.fits").astype(float)
        image = image if image.ndim == 2 else image[1]
        crops.append(image[y0:y0 + size, x0:x0 + size][::-1])
    sky = numpy.nanmedian(crops[0])
    noise = 1.4826 * numpy.nanmedian(abs(crops[0] - sky))
    white = numpy.nanpercentile(crops[0], 99.7)
    drawn = []
    for crop in crops:
        level = numpy.clip((numpy.nan_to_num(crop, nan=sky) - sky + 2 * noise) / (white - sky + 2 * noise), 0, 1)
        grey = 255 * numpy.arcsinh(12 * level) / numpy.arcsinh(12)
        drawn.append(numpy.kron(grey, numpy.ones((zoom, zoom))).round().astype(numpy.uint8))
    gap = numpy.full((size * zoom, GAP_PX), 255, numpy.uint8)
    write_png(out, numpy.hstack([drawn[0], gap, drawn[1]]))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
