#pragma once
#include <cstdint>
#include <filesystem>

namespace tilecompile {

/// A simulated night: many registered short exposures of one field.
struct SimulateOptions {
  int frames = 200;
  int width = 1920, height = 1080;
  std::uint64_t seed = 1;
  int channels = 1;             ///< 1 or 3
  double fwhm_px = 3.0;         ///< median over the night
  double fwhm_spread = 0.15;    ///< standard deviation of log FWHM from frame to frame, correlated in time
  double seeing_field = 0.15;   ///< rms of log FWHM over one frame: a smooth field of its own in every frame
  double clouds = 0.3;          ///< largest loss of transparency, 0..1
  double sky_adu = 400;         ///< per exposure
  double gain_e_per_adu = 1.0;  ///< electrons a code
  double read_noise_e = 5.0;    ///< electrons
  int stars = 400;              ///< brightness follows a power law
  bool nebula = true;
  double drift_px = 40;  ///< drift of the detector over the night; what it does not cover is exactly 0
  double hot_pixel_fraction = 1e-4;  ///< fixed on the detector, so they wander over the registered frames
  double trail_probability = 0.02;   ///< satellite trails, per frame
  double cosmic_rays = 3;            ///< mean number per frame
  int moving_objects = 0;            ///< small planets that cross the field during the night
  double bad_fraction = 0;           ///< frames with twice the FWHM or trailed stars (axis ratio 0.5)
  int bitpix = 16;                   ///< 16 (unsigned) or -32 (float)
  double exposure_s = 10;
  int threads = 0;  ///< 0: one a core; has no influence on any byte
};

/// Writes below `out_dir` (created if missing; `frames/` in it must be missing or empty):
/// - `frames/frame_00001.fits` ...: what the pipeline reads. Stars are Moffat profiles (beta 4) sampled at
/// pixel
///   centres; covered pixels are never 0.
/// - `truth.fits`: stars and nebula without sky, noise and defects in ADU at transparency 1, under the
///   constant PSF of `fwhm_px`, float32.
/// - `catalogue.csv`: id, x, y (px, first pixel's centre at 0), flux (ADU at transparency 1, first channel),
///   mag = 25 - 2.5 log10 flux.
/// - `psf_field.fits`: true FWHM (geometric mean of the axes), a plane of 16 x 9 cells a frame, each at its
/// cell's
///   centre x = (i + 0.5) width / 16 - 0.5.
/// - `frames.csv`: frame, path, transparency, fwhm_px, sky, dx, dy (place of the detector's first pixel),
/// trail,
///   bad.
/// - `defects.csv`: frame, channel, kind (moving_object, trail, hot_pixel, cosmic_ray), x, y, adu: every
/// covered pixel to
///   which a defect adds at least 1 ADU before noise and clipping.
/// - `run.yaml`: a configuration that reconstructs the night.
/// The same options give the same bytes. Throws UsageError for options out of range or a folder in use,
/// TransientError when the file system refuses.
void simulate(const SimulateOptions& options, const std::filesystem::path& out_dir);

}  // namespace tilecompile
