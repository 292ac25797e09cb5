#include "config/upstream_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "config/key_table.hpp"
#include "config_files.hpp"
#include "tilecompile/base/sha256.hpp"

namespace tilecompile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(UpstreamKeys, AreNamedOnceAndChangeNothing) {
  const RunConfig config = run_of(
      "assumptions: {frames_min: 50}\nbge: {fit: {method: rbf}}\ndebayer: true\n"
      "tile: {min_size: 80}\nstacking: {sigma_clip: {sigma_low: 2.0}, cosmetic_correction: false}\n");
  EXPECT_THAT(config.ignored_keys, ElementsAre("assumptions", "bge", "debayer", "stacking.sigma_clip",
                                               "stacking.cosmetic_correction"));
  EXPECT_EQ(ignored_keys_text(config),
            "keys of newer tile_compile files that mean nothing here are ignored: assumptions, bge, debayer, "
            "stacking.sigma_clip, stacking.cosmetic_correction");
  EXPECT_EQ(canonical_method_json(config.method),
            canonical_method_json(run_of("tile: {min_size: 80}\n").method));
}

TEST(UpstreamKeys, AFileWithoutThemIsSilent) {
  const RunConfig config = run_of("tile: {min_size: 80}\n");
  EXPECT_THAT(config.ignored_keys, IsEmpty());
  EXPECT_EQ(ignored_keys_text(config), "");
}

TEST(UpstreamKeys, EveryOneIsTakenAtItsPlace) {
  for (const std::string& path : upstream_keys()) {
    if (find_key(path, ConfigRole::kRun) != nullptr || is_section(path, ConfigRole::kRun)) continue;
    std::string text = "{a: [1, {b: 2}]}";
    std::size_t end = path.size();
    for (std::size_t dot = path.rfind('.'); end != std::string::npos; dot = path.rfind('.', end - 1)) {
      const std::size_t begin = dot == std::string::npos ? 0 : dot + 1;
      text = "{" + path.substr(begin, end - begin) + ": " + text + "}";
      end = dot;
      if (dot == std::string::npos) break;
    }
    EXPECT_THAT(run_of(text).ignored_keys, ElementsAre(path)) << text;
  }
}

TEST(UpstreamKeys, SlipsInOurKeysAndInTheirsAreStillErrors) {
  EXPECT_THAT(run_error("tile: {min_sice: 5}\n"), HasSubstr("did you mean 'tile.min_size'?"));
  EXPECT_THAT(run_error("calibraton: {use_bias: true}\n"), HasSubstr("unknown key 'calibraton'"));
  EXPECT_THAT(run_error("stacking: {sigma_clp: 2}\n"), HasSubstr("unknown key 'stacking.sigma_clp'"));
  EXPECT_THAT(run_error("bge: {a: 1}\nbge: {a: 2}\n"), HasSubstr("duplicate key 'bge'"));
  EXPECT_THAT(run_error("", {"bge.enabled=true"}), HasSubstr("unknown key 'bge.enabled'"));
  const YamlFile file("bge: {a: 1}\n");
  EXPECT_THAT(error_text<UsageError>([&] { load_worker_config(file.path(), {}); }),
              HasSubstr("unknown key 'bge'"));
}

TEST(ConfigYaml, ComesBackAsTheSameConfiguration) {
  const RunConfig config = run_of(
      "tile: {overlap_fraction: 0.1, size_factor: 33}\nsynthetic: {enabled: false}\n"
      "input: {dir: \"/a b: c\", pattern: \"*.fit\"}\nlocal_metrics: {clamp: [-2.5, 2]}\n");
  const std::string yaml = config_yaml(config);
  EXPECT_EQ(yaml.substr(0, 79), "# config_hash " + sha256_hex(canonical_method_json(config.method)) + "\n");
  EXPECT_EQ(effective_config(run_of(yaml)), effective_config(config));
}

}  // namespace
}  // namespace tilecompile
