#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "command_table.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/review/compare.hpp"
#include "tilecompile/simulate/simulate.hpp"

namespace tilecompile {

void set_up_compare(CLI::App& app, const ChooseAction& choose) {
  const auto files = std::make_shared<std::pair<std::string, std::string>>();
  app.add_option("a", files->first, "A.fits")->required();
  app.add_option("b", files->second, "B.fits")->required();
  app.footer("Exit code 0: equal to the bit; 3: different.");
  app.callback([files, choose] {
    choose([files] {
      const ImageDifference difference = compare_files(files->first, files->second);
      std::printf("%s\n", describe_difference(difference).c_str());
      return difference.equal ? 0 : 3;
    });
  });
}

namespace {

void add_fault_options(CLI::App& app, SimulatedFaults& faults) {
  app.add_option("--dust", faults.dust_shadows, "Dust shadows, fixed on the detector")->capture_default_str();
  app.add_option("--trailed", faults.trailed_fraction, "Share of trailed frames")->capture_default_str();
  app.add_option("--doubled", faults.doubled_fraction, "Share of doubled frames")->capture_default_str();
  app.add_option("--bright-stars", faults.bright_stars, "Saturated stars with halo and streak")
      ->capture_default_str();
  app.add_option("--asteroid", faults.asteroid_adu, "Flux of a bright moving object, ADU")
      ->capture_default_str();
}

}  // namespace

void set_up_simulate(CLI::App& app, const ChooseAction& choose) {
  struct Flags {
    SimulateOptions options;
    std::string directory;
    bool quiet = false;
  };
  const auto flags = std::make_shared<Flags>();
  SimulateOptions& o = flags->options;
  app.add_option("out_dir", flags->directory, "Folder to write to")->required();
  app.add_option("--frames", o.frames, "Number of frames")->capture_default_str();
  app.add_option("--width", o.width, "px")->capture_default_str();
  app.add_option("--height", o.height, "px")->capture_default_str();
  app.add_option("--channels", o.channels, "1 or 3")->capture_default_str();
  app.add_option("--seed", o.seed, "Same seed, same bytes")->capture_default_str();
  app.add_option("--fwhm", o.fwhm_px, "Median FWHM of the night, px")->capture_default_str();
  app.add_option("--fwhm-spread", o.fwhm_spread, "Frame to frame spread of log FWHM")->capture_default_str();
  app.add_option("--seeing-field", o.seeing_field, "Spread of log FWHM over a frame")->capture_default_str();
  app.add_option("--clouds", o.clouds, "Largest loss of transparency, 0..1")->capture_default_str();
  app.add_option("--sky", o.sky_adu, "Sky, ADU")->capture_default_str();
  app.add_option("--sky-gradient", o.night_sky.gradient, "Moonlight over the sky, turning with the night")
      ->capture_default_str();
  app.add_option("--vignetting", o.night_sky.vignetting, "Loss of light in the corners of the detector, 0..1")
      ->capture_default_str();
  app.add_option("--second-session", o.night_sky.second_session,
                 "Share of frames of another session, which covers half of the field")
      ->capture_default_str();
  app.add_option("--stars", o.stars, "Number of stars")->capture_default_str();
  app.add_flag("--nebula,!--no-nebula", o.nebula, "With a nebula (default) or without");
  app.add_option("--drift", o.drift_px, "Drift over the night, px")->capture_default_str();
  app.add_option("--hot-pixels", o.hot_pixel_fraction, "Share of hot pixels")->capture_default_str();
  app.add_option("--trails", o.trail_probability, "Satellite trails a frame")->capture_default_str();
  app.add_option("--cosmic-rays", o.cosmic_rays, "Cosmic rays a frame")->capture_default_str();
  app.add_option("--moving-objects", o.moving_objects, "Small planets that cross the field")
      ->capture_default_str();
  add_fault_options(app, o.faults);
  app.add_option("--bad", o.bad_fraction, "Share of bad frames")->capture_default_str();
  app.add_option("--bitpix", o.bitpix, "16 or -32")->capture_default_str();
  app.add_option("--profile", o.profile, "Profile that run.yaml names")->capture_default_str();
  app.add_option("--exposure", o.exposure_s, "s")->capture_default_str();
  app.add_option("--threads", o.threads, "0: one a core")->capture_default_str();
  app.add_flag("--quiet", flags->quiet, "Only errors");
  app.callback([flags, choose] {
    choose([flags] {
      simulate(flags->options, flags->directory);
      if (flags->quiet) return 0;
      std::printf("frames     %s/frames\ntruth      %s/truth.fits\nrun it     tilecompile run %s/run.yaml\n",
                  flags->directory.c_str(), flags->directory.c_str(), flags->directory.c_str());
      return 0;
    });
  });
}

}  // namespace tilecompile
