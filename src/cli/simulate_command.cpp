#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "command_table.hpp"
#include "tilecompile/simulate/simulate_raw.hpp"

namespace tilecompile {
namespace {

void add_fault_options(CLI::App& app, SimulatedFaults& faults) {
  app.add_option("--trailed", faults.trailed_fraction, "Share of trailed frames")->capture_default_str();
  app.add_option("--doubled", faults.doubled_fraction, "Share of doubled frames")->capture_default_str();
  app.add_option("--bright-stars", faults.bright_stars, "Saturated stars with halo and streak")
      ->capture_default_str();
  app.add_option("--asteroid", faults.asteroid_adu, "Flux of a bright moving object, ADU")
      ->capture_default_str();
}

void add_sky_options(CLI::App& app, SimulateOptions& o) {
  app.add_option("--fwhm", o.fwhm_px, "Median FWHM of the night, px")->capture_default_str();
  app.add_option("--fwhm-spread", o.fwhm_spread, "Frame to frame spread of log FWHM")->capture_default_str();
  app.add_option("--seeing-field", o.seeing_field, "Spread of log FWHM over a frame")->capture_default_str();
  app.add_option("--clouds", o.clouds, "Largest loss of transparency, 0..1")->capture_default_str();
  app.add_option("--sky", o.sky_adu, "Sky, ADU")->capture_default_str();
  app.add_option("--vignetting", o.night_sky.vignetting,
                 "Loss of light in the corners of the detector, 0..1; 0.3 with --raw")
      ->capture_default_str();
  app.add_option("--dust", o.faults.dust_shadows, "Dust shadows, fixed on the detector; 12 with --raw")
      ->capture_default_str();
  app.add_option("--stars", o.stars, "Number of stars")->capture_default_str();
  app.add_flag("--nebula,!--no-nebula", o.nebula, "With a nebula (default) or without");
  app.add_option("--hot-pixels", o.hot_pixel_fraction, "Share of hot pixels")->capture_default_str();
  app.add_option("--trails", o.trail_probability, "Satellite trails a frame")->capture_default_str();
  app.add_option("--cosmic-rays", o.cosmic_rays, "Cosmic rays a frame")->capture_default_str();
}

/// What only registered frames have.
void add_registered_options(CLI::App& app, SimulateOptions& o) {
  app.add_option("--channels", o.channels, "1 or 3")->capture_default_str();
  app.add_option("--sky-gradient", o.night_sky.gradient, "Moonlight over the sky, turning with the night")
      ->capture_default_str();
  app.add_option("--second-session", o.night_sky.second_session,
                 "Share of frames of another session, which covers half of the field")
      ->capture_default_str();
  app.add_option("--drift", o.drift_px, "Drift over the night, px")->capture_default_str();
  app.add_option("--moving-objects", o.moving_objects, "Small planets that cross the field")
      ->capture_default_str();
  add_fault_options(app, o.faults);
  app.add_option("--bad", o.bad_fraction, "Share of bad frames")->capture_default_str();
  app.add_option("--bitpix", o.bitpix, "16 or -32")->capture_default_str();
}

void add_raw_options(CLI::App& app, RawCamera& camera, RawPointing& pointing) {
  app.add_option("--cfa", camera.cfa, "Colour filters: RGGB, BGGR, GRBG or GBRG (default: none)");
  app.add_option("--bias", camera.bias_adu, "ADU")->capture_default_str();
  app.add_option("--dark-current", camera.dark_e_per_s, "Electrons per second")->capture_default_str();
  app.add_option("--darks", camera.darks, "Number of darks")->capture_default_str();
  app.add_option("--dark-exposure", camera.dark_exposure_s, "s; 0: that of the lights")
      ->capture_default_str();
  app.add_option("--flats", camera.flats, "Number of flats")->capture_default_str();
  app.add_option("--flat-level", camera.flat_adu, "ADU, in the brightest place")->capture_default_str();
  app.add_option("--biases", camera.biases, "Number of biases")->capture_default_str();
  app.add_option("--flat-darks", camera.flat_darks, "Number of flat darks")->capture_default_str();
  app.add_option("--temperature", camera.temperature_c, "Of the sensor, degrees C")->capture_default_str();
  app.add_option("--shift", pointing.shift_px, "Drift over the night, px")->capture_default_str();
  app.add_option("--dither", pointing.dither_px, "Random steps, px")->capture_default_str();
  app.add_option("--rotation", pointing.rotation_deg, "Over the night, degrees")->capture_default_str();
  app.add_flag("--flip,!--no-flip", pointing.meridian_flip, "Meridian flip at half time (default) or none");
  app.add_option("--refraction", pointing.refraction, "Flattening of the field at the end of the night")
      ->capture_default_str();
  app.add_option("--distortion", pointing.distortion_px, "Of the optics, px in the corners")
      ->capture_default_str();
  app.add_flag("--mirrored", pointing.mirrored, "As through a diagonal mirror");
}

struct SimulateFlags {
  RawNightOptions options;
  std::string directory;
  bool raw = false, quiet = false;
};

int simulate_night(const SimulateFlags& flags) {
  const char* folder = flags.directory.c_str();
  if (flags.raw) {
    simulate_raw(flags.options, flags.directory);
    if (!flags.quiet)
      std::printf("lights     %s/lights\ntruth      %s/truth\nrun it     tilecompile run %s/raw.yaml\n",
                  folder, folder, folder);
    return 0;
  }
  simulate(flags.options.night, flags.directory);
  if (!flags.quiet)
    std::printf("frames     %s/frames\ntruth      %s/truth.fits\nrun it     tilecompile run %s/run.yaml\n",
                folder, folder, folder);
  return 0;
}

}  // namespace

void set_up_simulate(CLI::App& app, const ChooseAction& choose) {
  const auto flags = std::make_shared<SimulateFlags>();
  SimulateOptions& night = flags->options.night;
  app.add_option("out_dir", flags->directory, "Folder to write to")->required();
  CLI::Option* raw =
      app.add_flag("--raw", flags->raw, "Raw frames with darks, flats and biases instead of registered ones");
  app.add_option("--frames", night.frames, "Number of frames")->capture_default_str();
  app.add_option("--width", night.width, "px")->capture_default_str();
  app.add_option("--height", night.height, "px")->capture_default_str();
  app.add_option("--seed", night.seed, "Same seed, same bytes")->capture_default_str();
  app.add_option("--profile", night.profile, "Profile that the configuration names")->capture_default_str();
  app.add_option("--exposure", night.exposure_s, "s")->capture_default_str();
  app.add_option("--threads", night.threads, "0: one a core")->capture_default_str();
  app.add_flag("--quiet", flags->quiet, "Only errors");
  add_sky_options(app, night);
  CLI::App& registered = *app.add_option_group("Registered frames only");
  add_registered_options(registered, night);
  for (CLI::Option* option : registered.get_options()) option->excludes(raw);
  CLI::App& raw_only = *app.add_option_group("Raw frames only");
  add_raw_options(raw_only, flags->options.camera, flags->options.pointing);
  for (CLI::Option* option : raw_only.get_options()) option->needs(raw);
  app.callback([&app, flags, choose] {
    SimulateOptions& o = flags->options.night;
    if (flags->raw && app.count("--vignetting") == 0) o.night_sky.vignetting = 0.3;
    if (flags->raw && app.count("--dust") == 0) o.faults.dust_shadows = 12;
    choose([flags] { return simulate_night(*flags); });
  });
}

}  // namespace tilecompile
