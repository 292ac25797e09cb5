#pragma once
#include <filesystem>
#include <string>

#include "tilecompile/simulate/simulate.hpp"

namespace tilecompile {

/// What a camera adds to the light, and the frames that calibrate it.
struct RawCamera {
  std::string cfa;               ///< "RGGB", "BGGR", "GRBG" or "GBRG"; empty: no colour filters
  double bias_adu = 500;         ///< with a pattern of columns and pixels of its own
  double dark_e_per_s = 0.05;    ///< median of the pixels
  double hot_e_per_s = 20;       ///< hot pixels have 1 to 20 times as much
  double pixel_response = 0.01;  ///< spread of the sensitivity from pixel to pixel
  double flat_adu = 30000;       ///< light of a flat in its brightest place and colour
  double flat_exposure_s = 2;    ///< with the dark current of that time
  double dark_exposure_s = 0;    ///< 0: that of the lights
  double temperature_c = -10;    ///< CCD-TEMP
  int darks = 20, flats = 20, biases = 20, flat_darks = 0;
};

/// How the field moves over the detector.
struct RawPointing {
  double shift_px = 60;       ///< drift over the night, along a direction of its own
  double dither_px = 6;       ///< standard deviation of random steps, each axis
  double rotation_deg = 1;    ///< over the night
  bool meridian_flip = true;  ///< after half of the frames: half a turn
  double refraction = 2e-4;   ///< flattening of the field at the end of the night; 0.001 is 0.1 %
  double distortion_px = 1;  ///< cubic, in the corners, towards the outside; of the optics, so in every frame
  bool mirrored = false;     ///< as through a diagonal mirror
};

/// A night of raw frames. Of `night` count: frames, size, seed, FWHM and its spreads, clouds, sky, gain, read
/// noise, stars (in a field of this size), nebula, hot pixels, trails, cosmic rays, vignetting, dust,
/// exposure, profile and threads.
struct RawNightOptions {
  SimulateOptions night;
  RawCamera camera;
  RawPointing pointing;
};

/// Writes below `out_dir` (created if missing; the folders of frames in it must be missing or empty), 16 bit,
/// with the headers that capture programs write (IMAGETYP, EXPTIME, CCD-TEMP, GAIN, OFFSET, XBINNING,
/// BAYERPAT, XBAYROFF, YBAYROFF, ROWORDER, ...):
/// - `lights/light_0001.fits` ..., `darks`, `flats`, `biases`, `flat_darks` (a folder for what there is).
///   light = bias + (dark current + flat * scene + photon and read noise) / gain; clipped at 65535.
/// - `truth/transforms.csv`: frame, path, a, b, c, d, tx, ty, k, transparency, fwhm_px, sky_adu: a place (x,
/// y)
///   on the sky, px from the field's centre, lies at (u, v) = (a x + b y + tx, c x + d y + ty) and with the
///   distortion at column cx + u (1 + k (u u + v v)), row cy + v (1 + k (u u + v v)) with cx = (width - 1) /
///   2, cy = (height - 1) / 2; the first pixel's centre is 0.
/// - `truth/stars.csv`: id, x, y (on the sky, as above), flux (ADU an exposure at transparency 1, green or
///   mono), flux_red, flux_blue. Brightest first.
/// - `truth/positions.csv`: frame, id, x, y on that raw frame: every star inside it.
/// - `truth/hot_pixels.csv`: x, y, e_per_s. `truth/flat.fits`: the true flat, 1 in its brightest place.
/// - `raw.yaml`: a configuration that makes the picture.
/// The same options give the same bytes. Throws UsageError for options out of range or a folder in use,
/// TransientError when the file system refuses.
void simulate_raw(const RawNightOptions& options, const std::filesystem::path& out_dir);

}  // namespace tilecompile
