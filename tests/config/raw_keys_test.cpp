#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config_files.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kRaw = "input: {dir: lights, stage: raw}\nregistration: {engine: internal}\n";

TEST(RawKeys, FoldersOfAFileLieBesideItAndThoseOfTheCommandLineDoNot) {
  const YamlFile file(
      kRaw +
      "calibration: {use_dark: true, darks_dir: darks, use_flat: true, flat_use_master: true, "
      "flat_master: ../flat.fits, bias_dir: /bias, flat_darks_dir: fd}\n");
  const RunConfig config = load_run_config(file.path(), {"calibration.bias_master=b.fits"});
  EXPECT_EQ(config.input.dir, file.dir() + "/lights");
  EXPECT_EQ(config.calibration.darks_dir, file.dir() + "/darks");
  EXPECT_EQ(config.calibration.flat_darks_dir, file.dir() + "/fd");
  EXPECT_EQ(std::filesystem::path(config.calibration.flat_master).filename(), "flat.fits");
  EXPECT_THAT(config.calibration.flat_master, testing::Not(HasSubstr("..")));
  EXPECT_EQ(config.calibration.bias_dir, "/bias");
  EXPECT_EQ(config.calibration.bias_master, "b.fits");
  EXPECT_THAT(config.ignored_keys, IsEmpty());
}

TEST(RawKeys, TheEnginesOfUpstreamAreThatOfThisProgram) {
  for (const char* name : {"internal", "triangle_star_matching", "star_similarity"}) {
    const RunConfig config =
        run_of(std::string("registration: {engine: ") + name + "}\ninput: {stage: raw}\n");
    EXPECT_EQ(config.registration.engine, RegistrationConfig::Engine::kInternal) << name;
    EXPECT_TRUE(calibrates(config));
  }
  EXPECT_FALSE(calibrates(run_of("registration: {engine: siril}\ninput: {stage: raw}\n")));
  EXPECT_FALSE(calibrates(run_of("registration: {engine: internal}\n")));
}

TEST(RawKeys, WhatIsToBeUsedMustBeNamed) {
  EXPECT_THAT(run_error(kRaw + "calibration: {use_dark: true}\n"),
              HasSubstr("F:3:25: 'calibration.darks_dir' is not set, but 'calibration.use_dark' is true"));
  EXPECT_THAT(run_error(kRaw + "calibration: {use_flat: true, flat_use_master: true, flats_dir: a}\n"),
              HasSubstr("'calibration.flat_master' is not set"));
  EXPECT_THAT(run_error(kRaw + "calibration: {use_dark: true, darks_dir: d, dark_scaling: true}\n"),
              HasSubstr("'calibration.dark_scaling' scales what darks have above the bias"));
  EXPECT_EQ(
      run_error(kRaw + "calibration: {use_dark: true, darks_dir: d, dark_scaling: true, use_bias: true, "
                       "bias_dir: b}\n"),
      "");
}

TEST(RawKeys, CalibrationOfRegisteredFramesIsNamedAsIgnored) {
  EXPECT_THAT(run_of("calibration: {use_dark: true, darks_dir: d}\n").ignored_keys,
              ElementsAre("calibration"));
  EXPECT_THAT(run_of("calibration: {use_dark: false}\n").ignored_keys, IsEmpty());
}

TEST(RawKeys, NothingOfThemIsPartOfTheMethod) {
  const std::string plain = canonical_method_json(run_of("tile: {min_size: 80}\n").method);
  EXPECT_EQ(canonical_method_json(run_of("tile: {min_size: 80}\ndata: {cfa_pattern: GRBG}\n" + kRaw +
                                         "calibration: {pattern: x}\n")
                                      .method),
            plain);
}

TEST(RawKeys, ScalesAreThreeAndPatternsAreFour) {
  EXPECT_EQ(run_of("registration: {output_scale: 1.5}\n").registration.output_scale, 1.5);
  EXPECT_EQ(run_of("registration: {output_scale: 2}\n").registration.output_scale, 2);
  EXPECT_THAT(run_error("registration: {output_scale: 3}\n"),
              HasSubstr("'registration.output_scale' must be"));
  EXPECT_EQ(run_of("data: {cfa_pattern: GBRG}\n").registration.cfa_pattern, "GBRG");
  EXPECT_THAT(run_error("data: {cfa_pattern: RGBG}\n"), HasSubstr("'data.cfa_pattern' must be"));
}

}  // namespace
}  // namespace tilecompile
