#include "tilecompile/config/load_config.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config_files.hpp"
#include "paths.hpp"

namespace tilecompile {
namespace {

const std::filesystem::path kConfigDir = std::filesystem::path(source_dir()) / "config";

void expect_v2(const RunConfig& c) {
  const MethodConfig& m = c.method;
  EXPECT_EQ(c.pipeline.mode, PipelineConfig::Mode::kProduction);
  EXPECT_EQ(m.data.image_width, 3840);
  EXPECT_EQ(m.data.image_height, 2160);
  EXPECT_EQ(m.data.frames_min, 800);
  EXPECT_EQ(m.data.frames_target, 1000);
  EXPECT_EQ(m.data.color_mode, ColorMode::kOsc);
  EXPECT_EQ(m.normalization.mode, NormalizationParams::Mode::kBackground);
  EXPECT_EQ(c.registration.engine, RegistrationConfig::Engine::kSiril);
  EXPECT_EQ(c.registration.registered_filename_pattern, "reg_{index:05d}.fit");
  EXPECT_EQ(m.global_metrics.weight_background, 0.4);
  EXPECT_EQ(m.global_metrics.clamp.low, -3);
  EXPECT_EQ(m.tile.overlap_fraction, 0.25);
  EXPECT_EQ(m.local_metrics.star_weight_fwhm, 0.6);
  EXPECT_EQ(m.local_metrics.structure_weight_metric, 0.7);
  EXPECT_EQ(m.synthetic.frames_min, 15);
  EXPECT_EQ(m.reconstruction.tile_rescale,
            ReconstructionParams::TileRescale::kMedianAfterBackgroundSubtraction);
  EXPECT_EQ(m.stacking.engine, StackingParams::Engine::kSiril);
  EXPECT_EQ(m.stacking.input_pattern, "syn_*.fits");
  EXPECT_EQ(c.validation.min_fwhm_improvement_percent, 5);
  EXPECT_EQ(c.runtime_limits.tile_analysis_max_factor_vs_stack, 3);
  EXPECT_EQ(c.runtime_limits.hard_abort_hours, 6);
}

TEST(LoadRunConfig, TakesTheV2FileAsItStands) {
  const auto file = test_data() / "../examples/tile_compile.v2.yaml";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "no file " << file;
  expect_v2(load_run_config(file, {}));
}

TEST(LoadRunConfig, TheV2ExampleIsTheV2FileWithAnInput) {
  const RunConfig config = load_run_config(kConfigDir / "tile_compile.v2.yaml", {});
  expect_v2(config);
  EXPECT_EQ(config.input.dir, (kConfigDir / "frames").lexically_normal().string());
}

TEST(LoadRunConfig, ReadsEveryKindOfValue) {
  const RunConfig c = run_of(
      "synthetic: {enabled: false, weighting: global}\n"
      "parallel: {batch: 8, threads: +3}\n"
      "output: {units: normalized, dir: \"7\"}\n"
      "tile: {size_factor: 3.2e1, min_size: 96.0}\n"
      "local_metrics: {clamp: [-2.5, .5]}\n"
      "data: {linear_required: False}\n");
  EXPECT_EQ(c.method.synthetic.enabled, SyntheticParams::Enabled::kOff);
  EXPECT_EQ(c.method.synthetic.weighting, SyntheticParams::Weighting::kGlobal);
  EXPECT_EQ(c.parallel.batch, 8);
  EXPECT_EQ(c.parallel.threads, 3);
  EXPECT_TRUE(c.output.normalized_units);
  EXPECT_EQ(c.output.dir, "7");
  EXPECT_EQ(c.method.tile.size_factor, 32);
  EXPECT_EQ(c.method.tile.min_size, 96);
  EXPECT_EQ(c.method.local_metrics.clamp.low, -2.5);
  EXPECT_EQ(c.method.local_metrics.clamp.high, 0.5);
  EXPECT_FALSE(c.method.data.linear_required);
  EXPECT_EQ(run_of("parallel: {batch: auto}\nsynthetic: {enabled: true}\n").parallel.batch, 0);
}

TEST(LoadRunConfig, ResolvesInputDirAgainstTheFileButNotFromTheCommandLine) {
  const YamlFile file("input: {dir: ../lights}\noutput: {dir: o}\nstorage: {root: r}\n");
  const RunConfig config = load_run_config(file.path(), {});
  EXPECT_EQ(config.input.dir,
            (std::filesystem::path(file.dir()).parent_path() / "lights").lexically_normal().string());
  EXPECT_EQ(config.output.dir, "o");
  EXPECT_EQ(config.storage.root, "r");
  EXPECT_EQ(load_run_config(file.path(), {"input.dir=here"}).input.dir, "here");
  EXPECT_EQ(run_of("input: {dir: /a/b}\n").input.dir, "/a/b");
  EXPECT_EQ(run_of("").input.dir, "");
}

TEST(LoadRunConfig, OverridesComeAfterTheFileAndTheLastOneWins) {
  const RunConfig c =
      run_of("tile: {min_size: 64}\n",
             {"tile.min_size=80", "tile.min_size=96", "input.pattern=*.fits", "output.dir=\"quoted\"",
              "global_metrics.clamp=[-1, 2]", "synthetic.enabled=true", "broker.user=a=b: c # d"});
  EXPECT_EQ(c.method.tile.min_size, 96);
  EXPECT_EQ(c.input.pattern, "*.fits");
  EXPECT_EQ(c.output.dir, "quoted");
  EXPECT_EQ(c.method.global_metrics.clamp.high, 2);
  EXPECT_EQ(c.method.synthetic.enabled, SyntheticParams::Enabled::kOn);
  EXPECT_EQ(c.broker.user, "a=b: c # d");
  EXPECT_EQ(run_of("", {"input.dir="}).input.dir, "");
}

TEST(EffectiveConfig, IsItselfAConfigurationThatGivesTheSame) {
  RunConfig config = load_run_config(kConfigDir / "tile_compile.v2.yaml", {"parallel.batch=5"});
  config.input.dir = "/frames";
  const auto effective = effective_config(config);
  EXPECT_EQ(effective_config(run_of(effective.dump())), effective);
  EXPECT_EQ(effective_config(run_of(effective.dump(2))), effective);
  EXPECT_EQ(effective["parallel"]["batch"], 5);
  EXPECT_EQ(effective_config(RunConfig())["parallel"]["batch"], "auto");
  EXPECT_FALSE(effective.contains("worker_id"));
}

TEST(EffectiveConfig, HoldsNoPassword) {
  const ScopedVariable variable("TILECOMPILE_AMQP_PASSWORD", "hush-hush");
  EXPECT_EQ(effective_config(run_of("")).dump().find("hush"), std::string::npos);
}

TEST(LoadConfig, ATildeInAPathIsTheHomeFolder) {
  const std::string home = std::getenv("HOME");
  const YamlFile file(
      "input: {dir: ~/lights}\noutput: {dir: ~/out}\nbroker: {password_file: ~/pw}\n"
      "storage: {root: \"~\"}\ncache: {dir: a/~/b}\n");
  const RunConfig config = load_run_config(file.path(), {"broker.ca_file=~/ca.pem"});
  EXPECT_EQ(config.input.dir, home + "/lights");
  EXPECT_EQ(config.output.dir, home + "/out");
  EXPECT_EQ(config.broker.password_file, home + "/pw");
  EXPECT_EQ(config.broker.ca_file, home + "/ca.pem");
  EXPECT_EQ(config.storage.root, home);
  EXPECT_EQ(config.cache.dir, "a/~/b");
}

TEST(LoadConfig, TheHomeOfAnotherUserIsRefused) {
  EXPECT_EQ(
      run_error("output: {dir: ~kim/out}\n"),
      "F:1:15: 'output.dir' must be a path (~ and ~/... are your home folder, ~name is not known), found the "
      "text '~kim/out'");
}

TEST(LoadConfig, ZeroIsNodataTakesAutoTrueAndFalse) {
  EXPECT_EQ(load_run_config(YamlFile("").path(), {}).method.data.zero_is_nodata, ZeroIsNodata::kAuto);
  EXPECT_EQ(load_run_config(YamlFile("data: {zero_is_nodata: auto}\n").path(), {}).method.data.zero_is_nodata,
            ZeroIsNodata::kAuto);
  EXPECT_EQ(load_run_config(YamlFile("data: {zero_is_nodata: true}\n").path(), {}).method.data.zero_is_nodata,
            ZeroIsNodata::kAlways);
  EXPECT_EQ(load_run_config(YamlFile("").path(), {"data.zero_is_nodata=false"}).method.data.zero_is_nodata,
            ZeroIsNodata::kNever);
  EXPECT_NE(run_error("data: {zero_is_nodata: sometimes}\n"), "");
}

}  // namespace
}  // namespace tilecompile
