#!/usr/bin/env python3
"""What astropy reads from each FITS file of a folder tree: the judge of our frame reader.

    fits_oracle.py FOLDER OUT_DIR

Writes OUT_DIR/index.tsv, one line a file: relative path, "read" or "refused", "exact" or "quantised", shape
as NAXISn joined by 'x' (slowest first), SHA-256 of the float32 values (big-endian, NaN as 0x7fc00000), and
the name of a file in OUT_DIR with the same values in native order; or for a refused file the reason.

Values are BZERO + BSCALE * code in double, rounded once to float32; BLANK, NaN and Inf are NaN. astropy's own
scaling of small integers works in float32, so the codes are taken unscaled and scaled here.
"""
import hashlib
import os
import sys
import warnings

import numpy as np
from astropy.io import fits

LARGEST_BYTES = 64 << 20


def first_image(hdus):
    for hdu in hdus:
        if isinstance(hdu, fits.GroupsHDU):
            raise ValueError("random groups")
        if isinstance(hdu, (fits.PrimaryHDU, fits.ImageHDU, fits.CompImageHDU)):
            if hdu.header.get("NAXIS", 0) > 0:
                return hdu
        elif not isinstance(hdu, (fits.BinTableHDU, fits.TableHDU)):
            raise ValueError("not a standard HDU: " + type(hdu).__name__)
    raise ValueError("no image")


def physical_values(hdu):
    shape = [hdu.header["NAXIS%d" % i] for i in range(hdu.header["NAXIS"], 0, -1)]
    if np.prod([float(n) for n in shape]) * 8 > LARGEST_BYTES or 0 in shape:
        raise ValueError("shape %s" % shape)
    compressed = isinstance(hdu, fits.CompImageHDU)
    floats = hdu.header["BITPIX"] < 0
    quantised = compressed and floats and "ZSCALE" in hdu.compressed_data.dtype.names
    codes = hdu.data
    if codes is None:
        raise ValueError("no data")
    blank = hdu.header.get("BLANK")
    if compressed and not floats:
        bscale, bzero = hdu._header.get("BSCALE", 1), hdu._header.get("BZERO", 0)
    elif compressed:
        # fpack stores floats with BSCALE applied and leaves the keyword standing, so that reading them with
        # scaling applies it twice (float_bscale.fits: 11, 21, ... would become 121, 221, ...).
        bscale, bzero = 1, 0
    else:
        bscale, bzero = hdu._orig_bscale, hdu._orig_bzero
    with np.errstate(all="ignore"):
        values = codes.astype(np.float64)
        if (bscale, bzero) != (1, 0):  # adding 0 would lose the sign of -0.0
            values = values * float(bscale) + float(bzero)
        if codes.dtype.kind in "iu" and blank is not None:
            values[codes == blank] = np.nan
        values = values.astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return values, quantised


def describe(path, out_dir, number):
    try:
        with fits.open(path, do_not_scale_image_data=True) as hdus:
            values, quantised = physical_values(first_image(hdus))
    except Exception as error:  # whatever astropy raises is its verdict
        return ["refused", " ".join(str(error).split())[:120] or type(error).__name__]
    bits = values.astype(">f4")
    raw = bits.view(">u4").copy()
    raw[np.isnan(values)] = 0x7FC00000
    name = "%03d.f32" % number
    values.astype(np.float32).tofile(os.path.join(out_dir, name))
    return ["read", "quantised" if quantised else "exact", "x".join(str(n) for n in values.shape),
            hashlib.sha256(raw.tobytes()).hexdigest(), name]


def main():
    folder, out_dir = sys.argv[1:3]
    warnings.simplefilter("ignore")
    paths = sorted(os.path.join(d, f) for d, _, files in os.walk(folder) for f in files)
    with open(os.path.join(out_dir, "index.tsv"), "w", encoding="utf-8") as index:
        for number, path in enumerate(paths):
            index.write("\t".join([os.path.relpath(path, folder)] + describe(path, out_dir, number)) + "\n")


if __name__ == "__main__":
    main()
