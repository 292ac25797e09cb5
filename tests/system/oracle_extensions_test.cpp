#include "oracle_fixture.hpp"
#include "paths.hpp"

// The extensions of the method, recomputed by tests/oracle/run_oracle.py: each by itself, and together as
// config/deep-sky.yaml has them.

namespace tilecompile::oracle {
namespace {

const std::string kSynthetic = " --set synthetic.enabled=true --set synthetic.frames_min=3 ";
const std::string kWeighted = kSynthetic + "--set stacking.method=weighted_average ";

struct Extension {
  const char* name;
  std::string flags;
};

class OneExtension : public Oracle, public ::testing::WithParamInterface<Extension> {};

TEST_P(OneExtension, Agrees) {
  run_night("", GetParam().flags);
  if (HasFatalFailure()) return;
  expect_agreement(" --no-fits");
}

INSTANTIATE_TEST_SUITE_P(
    Extensions, OneExtension,
    ::testing::Values(
        Extension{"photometric", "--set normalization.mode=photometric --set output.units=normalized"},
        Extension{"inverse_variance", "--set global_metrics.mode=inverse_variance"},
        Extension{"adaptive_weights", "--set global_metrics.adaptive_weights=true"},
        Extension{"seeing", "--set local_metrics.mode=seeing --set local_metrics.sharpness=4"},
        Extension{"fewest_frames",
                  "--set local_metrics.mode=seeing --set local_metrics.sharpness=10 "
                  "--set local_metrics.min_effective_fraction=0.8"},
        // Low limits, so that some pixels keep too few samples and stay plain.
        Extension{"sigma_clip",
                  "--set reconstruction.rejection=sigma_clip --set reconstruction.sigma_low=2 "
                  "--set reconstruction.sigma_high=2 "
                  "--set reconstruction.rejection_min_kept_fraction=0.7"},
        Extension{"noise_guard", "--set reconstruction.noise_guard=significance"},
        Extension{"local_sky", "--set reconstruction.local_sky=mean"},
        Extension{"edge_feather", "--set reconstruction.edge_feather_px=32"},
        Extension{"reference_rescale", "--set reconstruction.tile_rescale=reference"},
        Extension{"weighted_average",
                  kWeighted + "--set reconstruction.tile_rescale=median_after_background_subtraction"}),
    [](const auto& extension) { return std::string(extension.param.name); });

// All of them as the recommended configuration has them.
class DeepSky : public Oracle {
 protected:
  void run_deep_sky(const std::string& simulate_flags, const std::string& flags = "") {
    const Output night = shell(kProgram + "simulate " + quoted(dir_ / "night") + kNight + simulate_flags);
    ASSERT_EQ(night.exit_code, 0) << night.text;
    run_on_frames(kSmallTiles + flags);
  }
  void run_on_frames(const std::string& flags) {
    run(fs::path(source_dir()) / "config/deep-sky.yaml",
        "--set input.dir=" + quoted(frames_) + " --set data.frames_min=12 " + flags);
  }
};

TEST_F(DeepSky, AgreesOnMono) {
  run_deep_sky("--seed 9");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(DeepSky, AgreesOnThreeChannelsOfSyntheticFrames) {
  run_deep_sky("--seed 3 --channels 3", kSynthetic);
  if (HasFatalFailure()) return;
  expect_agreement(" --no-fits");
}

TEST_F(DeepSky, AgreesOnDoubledFrames) {
  run_deep_sky("--seed 5 --doubled 0.3", "--set data.frames_min=5");  // the widest pairs are left out
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(DeepSky, AgreesOnRealFrames) {
  TILECOMPILE_NEEDS_DATA("hatp32")
  frames_ = test_data() / "hatp32";
  run_on_frames("--set data.saturation=3800");
  if (HasFatalFailure()) return;
  const Output verdict = judge(" --no-fits");
  std::printf("%s", verdict.text.c_str());
  EXPECT_EQ(verdict.exit_code, 0) << verdict.text;
}

TEST_F(DeepSky, FindsPlantedErrors) {
  run_deep_sky("");
  if (HasFatalFailure()) return;
  ASSERT_EQ(judge(" --no-fits").exit_code, 0);
  expect_found({{"frame_metrics.csv", "", "flux_scale", "frame flux_scale"},
                {"rejection.csv", "", "rejected_high", "rejection.csv: counts"},
                {"frame_metrics.json", "{", "inverse_variance", "record: inverse variance"},
                {"frame_metrics.json", "{", "footprint", "frame borders"},
                {"frame_metrics.json", "{", "fwhm_surface", "tile Q of seeing"},
                {"reconstruction.variance.fits", "", "", "reconstruction variance map"},
                {"reconstruction.neff.fits", "", "", "reconstruction n_eff map"},
                {"classical.variance.fits", "", "", "classical variance map"}});
  // As if the program had done its work with another parameter than the one that is on record.
  expect_found({{"config.json", "{", "sigma_high", "tile rejected samples"},
                {"config.json", "{", "sharpness", "tile Q of seeing"}});
  expect_found({{"config.json", "{", "noise_guard_high", "tile R of"}});
  expect_found({{"config.json", "{", "edge_feather_px", "tile weight"}});
}

}  // namespace
}  // namespace tilecompile::oracle
