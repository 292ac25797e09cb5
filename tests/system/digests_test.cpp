#include <map>
#include <nlohmann/json.hpp>

#include "run_program.hpp"
#include "tilecompile/image/vector_level.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
const char* const kFirstRun = "0a1b2c3d-0000-4000-8000-000000000001";
const char* const kOtherRun = "ffffffff-ffff-4fff-8fff-ffffffffffff";

/// What must not reach a pixel.
struct Variation {
  const char* name;
  std::string run_id;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
};

std::vector<Variation> variations() {
  // glibc picks its exp, log and memory routines by these; the program must not notice.
  const std::string plain_cpu =
      "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-FMA,-FMA_Usable,-FMA4,-AVX,-AVX512F,-AVX512VL,-AVX512BW,-BMI1,-"
      "BMI2,"
      "-ERMS,-SSE4_1,-SSE4_2,-SSSE3";
  std::vector<Variation> all = {
      {"two threads", kFirstRun, {"--threads", "2"}, {}},
      {"more threads than cores", kFirstRun, {"--threads", "7"}, {}},
      {"one tile a task", kFirstRun, {"--threads", "2", "--set", "parallel.batch=1"}, {}},
      {"five tiles a task", kFirstRun, {"--threads", "2", "--set", "parallel.batch=5"}, {}},
      {"another run id", kOtherRun, {"--threads", "1"}, {}},
      {"1 MB for tiles", kFirstRun, {"--threads", "2", "--set", "parallel.memory_limit_mb=1"}, {}},
      {"prefetch of one", kFirstRun, {"--threads", "3", "--set", "parallel.prefetch=1"}, {}},
      {"no FMA, no AVX", kFirstRun, {"--threads", "2"}, {{"GLIBC_TUNABLES", plain_cpu}}},
      {"narrow vectors", kFirstRun, {"--threads", "2"}, {{"TILECOMPILE_VECTORS", "baseline"}}}};
  if (widest_vector_level() >= VectorLevel::kAvx2)
    all.push_back({"vectors of eight", kFirstRun, {"--threads", "2"}, {{"TILECOMPILE_VECTORS", "avx2"}}});
  return all;
}

/// A night and the method that is computed on it, as keys that differ from the night's own configuration.
struct Method {
  const char* name;
  int channels;
  std::vector<std::string> keys;
};

const std::vector<std::string> kExtensions = {"normalization.mode=photometric",
                                              "global_metrics.mode=inverse_variance",
                                              "local_metrics.mode=seeing",
                                              "local_metrics.sharpness=8",
                                              "local_metrics.min_effective_fraction=0.6",
                                              "reconstruction.rejection=sigma_clip",
                                              "reconstruction.noise_guard=significance",
                                              "reconstruction.local_sky=mean",
                                              "reconstruction.edge_feather_px=12",
                                              "reconstruction.tile_rescale=reference",
                                              "synthetic.enabled=true",
                                              "synthetic.frames_min=3",
                                              "synthetic.frames_max=3",
                                              "stacking.method=weighted_average"};

using Digests = std::map<std::string, std::string>;

/// Runs the night and returns the digest of every product, and of every tile's bytes where the run id, which
/// a tile carries, is the first.
Digests digests_of(const fs::path& night, const fs::path& out, const std::vector<std::string>& keys,
                   const Variation& v) {
  std::vector<std::string> arguments = {
      "run", (night / "run.yaml").string(), "--output", out.string(), "--run-id", v.run_id, "--quiet"};
  for (const char* key : {"tile.min_size=32", "tile.size_factor=8", "data.frames_min=3"})
    arguments.insert(arguments.end(), {"--set", key});
  for (const std::string& key : keys) arguments.insert(arguments.end(), {"--set", key});
  arguments.insert(arguments.end(), v.arguments.begin(), v.arguments.end());
  ProgramLimits limits;
  limits.environment = v.environment;
  limits.timeout_s = 120;
  const ProgramEnd end = run_program(arguments, limits);
  EXPECT_TRUE(end.code == 0 || end.code == 3) << v.name << ": " << end.code << "\n" << end.err;
  Digests digests;
  const auto record = nlohmann::json::parse(bytes_of(out / v.run_id / "run.json"), nullptr, false);
  if (record.is_discarded()) return digests;
  for (const auto& [name, product] : record.at("products").items()) digests[name] = product.at("digest");
  if (v.run_id == kFirstRun)
    for (const auto& item : fs::directory_iterator(out / v.run_id / "tiles"))
      digests[item.path().filename().string()] = bytes_of(item.path());
  for (const char* name : {"frame_metrics.csv", "grid.json", "manifest.json", "config.json"})
    digests[name] = bytes_of(out / v.run_id / name);
  return digests;
}

class SameDigests : public testing::TestWithParam<Method> {};

TEST_P(SameDigests, WhateverMustNotReachAPixel) {
  const Method& method = GetParam();
  TempDir folder;
  const ProgramEnd simulated = run_program(
      {"simulate", "--profile", "v2", (folder / "night").string(), "--frames", "13", "--width", "211",
       "--height", "157", "--stars", "40", "--channels", std::to_string(method.channels), "--seed", "5"});
  ASSERT_EQ(simulated.code, 0) << simulated.err;
  const Digests expected = digests_of(folder / "night", folder / "out-0", method.keys,
                                      {"one thread", kFirstRun, {"--threads", "1"}, {}});
  ASSERT_EQ(expected.count("classical"), 1u);
  ASSERT_EQ(expected.count("reconstruction"), 1u);
  ASSERT_GT(expected.size(), 25u) << "tiles are compared too";
  EXPECT_NE(expected.at("classical"), expected.at("reconstruction"));
  int number = 0;
  for (const Variation& v : variations()) {
    const Digests found =
        digests_of(folder / "night", folder / ("out-" + std::to_string(++number)), method.keys, v);
    EXPECT_GE(found.size(), 6u) << v.name;
    for (const auto& [name, digest] : found) {
      const auto known = expected.find(name);
      ASSERT_NE(known, expected.end()) << v.name << ": " << name;
      EXPECT_TRUE(known->second == digest) << v.name << " changes " << name;
    }
    if (v.run_id == kFirstRun) {
      EXPECT_EQ(found.size(), expected.size()) << v.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, SameDigests,
                         testing::Values(Method{"Mono", 1, {}}, Method{"Colour", 3, {}},
                                         Method{"MonoExtended", 1, kExtensions},
                                         Method{"ColourExtended", 3, kExtensions}),
                         [](const auto& method) { return std::string(method.param.name); });

TEST(Extensions, EachWorksAloneAndReachesThePicture) {
  TempDir folder;
  ASSERT_EQ(run_program({"simulate", "--profile", "v2", (folder / "night").string(), "--frames", "13",
                         "--width", "211", "--height", "157", "--stars", "40", "--seed", "5"})
                .code,
            0);
  const Variation v{"two threads", kFirstRun, {"--threads", "2"}, {}};
  const auto picture = [&](const std::vector<std::string>& keys, const char* product) {
    fs::remove_all(folder / "out");
    return digests_of(folder / "night", folder / "out", keys, v)[product];
  };
  const std::string plain = picture({}, "reconstruction");
  ASSERT_FALSE(plain.empty());
  for (const char* key : {"normalization.mode=photometric", "global_metrics.mode=inverse_variance",
                          "global_metrics.adaptive_weights=true", "local_metrics.mode=seeing",
                          "reconstruction.rejection=sigma_clip", "reconstruction.noise_guard=significance",
                          "reconstruction.edge_feather_px=12", "reconstruction.tile_rescale=reference",
                          "reconstruction.local_sky=mean"}) {
    const std::string found = picture({key}, "reconstruction");
    EXPECT_FALSE(found.empty()) << key;
    EXPECT_NE(found, plain) << key;
  }
  const std::vector<std::string> synthetic = {"synthetic.enabled=true", "synthetic.frames_min=3",
                                              "synthetic.frames_max=3"};
  std::vector<std::string> weighted = synthetic;
  weighted.emplace_back("stacking.method=weighted_average");
  EXPECT_NE(picture(weighted, "stack"), picture(synthetic, "stack"));
}

TEST(OtherDigests, OtherFramesGiveOtherDigests) {
  TempDir folder;
  Digests seen[2];
  for (const int seed : {1, 2}) {
    const fs::path night = folder / ("night-" + std::to_string(seed));
    ASSERT_EQ(run_program({"simulate", "--profile", "v2", night.string(), "--frames", "5", "--width", "131",
                           "--height", "97", "--stars", "20", "--seed", std::to_string(seed)})
                  .code,
              0);
    seen[seed - 1] =
        digests_of(night, folder / ("out-" + std::to_string(seed)), {}, {"one thread", kFirstRun, {}, {}});
  }
  EXPECT_NE(seen[0]["classical"], seen[1]["classical"]);
  EXPECT_NE(seen[0]["reconstruction"], seen[1]["reconstruction"]);
}

}  // namespace
}  // namespace tilecompile
