#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "config/config_files.hpp"
#include "config/key_table.hpp"
#include "paths.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::vector<std::pair<const char*, const char*>> kProfileFiles = {
    {"recommended", "deep-sky.yaml"}, {"smart-telescope", "smart-telescope.yaml"}, {"fast", "fast.yaml"}};

std::string profile_file(const std::string& name) { return source_dir() + "/config/" + name; }

// The effective configuration without what a file says of its own frames.
json method_of(const RunConfig& config) {
  json all = effective_config(config);
  all["input"].erase("dir");
  all["input"].erase("stage");
  all.erase("registration");
  all["output"].erase("dir");
  return all;
}

TEST(Profiles, AProfileIsTheFileOfConfigThatBearsIt) {
  for (const auto& [name, file] : kProfileFiles) {
    const json whole = method_of(load_run_config(profile_file(file), {}));
    EXPECT_EQ(whole.at("profile"), name);
    EXPECT_EQ(json::diff(method_of(run_of(std::string("profile: ") + name)), whole), json::array()) << file;
    EXPECT_EQ(json::diff(method_of(run_of("input: {dir: x}\n", {std::string("profile=") + name})), whole),
              json::array())
        << file;
  }
}

// Every key that a profile needs stands in its file, not only in the profile that the file names.
TEST(Profiles, AFileIsItsProfileWithoutTheWordToo) {
  for (const auto& [name, file] : kProfileFiles) {
    std::ifstream stream(profile_file(file));
    std::string text;
    for (std::string line; std::getline(stream, line);)
      if (line.rfind("profile:", 0) != 0) text += line + "\n";
    json bare = method_of(run_of(text)), whole = method_of(load_run_config(profile_file(file), {}));
    EXPECT_EQ(bare.at("profile"), "v2");
    bare.erase("profile");
    whole.erase("profile");
    EXPECT_EQ(json::diff(bare, whole), json::array()) << file;
  }
}

TEST(Profiles, AConfigurationThatNamesNoSectionOfTheMethodIsTheRecommendedOne) {
  const json recommended = method_of(load_run_config(profile_file("deep-sky.yaml"), {}));
  for (const char* yaml :
       {"", "# nothing\n", "---\n", "input: {dir: frames}\noutput: {dir: o}\n", "tile:\n", "tile: {}\n"}) {
    const RunConfig config = run_of(yaml);
    EXPECT_EQ(json::diff(method_of(config), recommended), json::array()) << yaml;
    EXPECT_THAT(config.profile_why, HasSubstr("names no section of the method")) << yaml;
  }
  // What says where things lie and how much is done at once is no method.
  for (const char* yaml :
       {"parallel: {threads: 2}\n", "broker: {host: h}\n", "validation: {min_fwhm_improvement_percent: 1}\n",
        "registration: {engine: siril}\n", "pipeline: {mode: test}\n",
        "runtime_limits: {hard_abort_hours: 1}\n"})
    EXPECT_EQ(run_of(yaml).profile, Profile::kRecommended) << yaml;
}

TEST(Profiles, AnyKeyOfTheMethodWithoutAProfileIsV2AsItStands) {
  const json v2 = effective_config(RunConfig());
  EXPECT_EQ(effective_config(run_of("profile: v2\n")), v2);
  EXPECT_EQ(effective_config(run_of("tile: {size_factor: 32}\n")), v2);
  for (const char* yaml :
       {"data: {frames_min: 2}\n", "normalization: {mode: background}\n", "global_metrics: {mode: v2}\n",
        "local_metrics: {mode: v2}\n", "synthetic: {enabled: auto}\n", "reconstruction: {rejection: none}\n",
        "stacking: {engine: internal}\n"}) {
    const RunConfig config = run_of(yaml);
    EXPECT_EQ(config.profile, Profile::kV2) << yaml;
    EXPECT_THAT(config.profile_why, HasSubstr("'profile: recommended'")) << yaml;
  }
}

TEST(Profiles, KeysOfTheFileAndOverridesComeOverTheProfile) {
  const RunConfig config =
      run_of("profile: recommended\nlocal_metrics: {sharpness: 4}\n", {"tile.min_size=80"});
  EXPECT_EQ(config.profile, Profile::kRecommended);
  EXPECT_EQ(config.profile_why, "named by the configuration");
  EXPECT_EQ(config.method.local_metrics.mode, LocalMetricsParams::Mode::kSeeing);
  EXPECT_EQ(config.method.local_metrics.sharpness, 4);
  EXPECT_EQ(config.method.tile.min_size, 80);
  // An override changes one key for one run, not the method under it.
  EXPECT_EQ(run_of("", {"tile.min_size=80"}).profile, Profile::kRecommended);
}

TEST(Profiles, TheLastWordIsThatOfTheCommandLine) {
  for (const char* word : {"profile=fast", "profile='fast'"}) {
    const RunConfig config = run_of("profile: recommended\n", {"profile=v2", word});
    EXPECT_EQ(config.profile, Profile::kFast) << word;
    EXPECT_EQ(config.profile_why, "named by --set");
    EXPECT_EQ(config.method.tile.size_factor, 64) << word;
  }
}

TEST(Profiles, AnUnknownNameIsRefusedWithTheNamesThereAre) {
  EXPECT_EQ(run_error("profile: deepsky\n"),
            "F:1:10: 'profile' must be one of 'recommended', 'smart-telescope', 'fast', 'v2', found the text "
            "'deepsky'");
  EXPECT_THAT(run_error("profile: [fast]\n"), HasSubstr("F:1:10: 'profile' must be one of"));
  EXPECT_THAT(run_error("", {"profile=slow"}), HasSubstr("--set profile: 'profile' must be one of"));
  EXPECT_THAT(run_error("", {"profile=[fast"}), HasSubstr("--set profile: "));
  EXPECT_THAT(run_error("profil: fast\n"), HasSubstr("did you mean 'profile'"));
}

TEST(Profiles, WhatARunRecordedIsReadBackAsItWas) {
  for (const char* yaml : {"", "profile: fast\n", "tile: {size_factor: 20}\n"}) {
    const RunConfig config = run_of(yaml);
    EXPECT_EQ(effective_config(read_recorded_config(effective_config(config), "run.json")),
              effective_config(config));
    const YamlFile again(config_yaml(config));
    EXPECT_EQ(effective_config(load_run_config(again.path(), {})), effective_config(config));
  }
}

TEST(Profiles, TheRecommendedOnesCallFailedOnlyWhatIsWorseThanThePlainMean) {
  for (const char* name : {"recommended", "smart-telescope"}) {
    const ValidationParams limits = run_of(std::string("profile: ") + name).validation;
    EXPECT_EQ(limits.max_background_rms_increase_percent, 3) << name;
    EXPECT_EQ(limits.min_fwhm_improvement_percent, -3) << name;
    EXPECT_TRUE(limits.require_no_tile_pattern) << name;
  }
}

}  // namespace
}  // namespace tilecompile
