#include <map>
#include <nlohmann/json.hpp>

#include "run_program.hpp"

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
  return {{"two threads", kFirstRun, {"--threads", "2"}, {}},
          {"more threads than cores", kFirstRun, {"--threads", "7"}, {}},
          {"one tile a task", kFirstRun, {"--threads", "2", "--set", "parallel.batch=1"}, {}},
          {"five tiles a task", kFirstRun, {"--threads", "2", "--set", "parallel.batch=5"}, {}},
          {"another run id", kOtherRun, {"--threads", "1"}, {}},
          {"1 MB for tiles", kFirstRun, {"--threads", "2", "--set", "parallel.memory_limit_mb=1"}, {}},
          {"prefetch of one", kFirstRun, {"--threads", "3", "--set", "parallel.prefetch=1"}, {}},
          {"no FMA, no AVX", kFirstRun, {"--threads", "2"}, {{"GLIBC_TUNABLES", plain_cpu}}}};
}

using Digests = std::map<std::string, std::string>;

/// Runs the night and returns the digest of every product, and of every tile's bytes where the run id, which
/// a tile carries, is the first.
Digests digests_of(const fs::path& night, const fs::path& out, const Variation& v) {
  std::vector<std::string> arguments = {
      "run", (night / "run.yaml").string(), "--output", out.string(), "--run-id", v.run_id, "--quiet"};
  for (const char* key : {"tile.min_size=32", "tile.size_factor=8", "data.frames_min=3"})
    arguments.insert(arguments.end(), {"--set", key});
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

class SameDigests : public testing::TestWithParam<int> {};

TEST_P(SameDigests, WhateverMustNotReachAPixel) {
  const int channels = GetParam();
  TempDir folder;
  const ProgramEnd simulated =
      run_program({"simulate", (folder / "night").string(), "--frames", "13", "--width", "211", "--height",
                   "157", "--stars", "40", "--channels", std::to_string(channels), "--seed", "5"});
  ASSERT_EQ(simulated.code, 0) << simulated.err;
  const Digests expected =
      digests_of(folder / "night", folder / "out-0", {"one thread", kFirstRun, {"--threads", "1"}, {}});
  ASSERT_EQ(expected.count("classical"), 1u);
  ASSERT_EQ(expected.count("reconstruction"), 1u);
  ASSERT_GT(expected.size(), 25u) << "tiles are compared too";
  EXPECT_NE(expected.at("classical"), expected.at("reconstruction"));
  int number = 0;
  for (const Variation& v : variations()) {
    const Digests found = digests_of(folder / "night", folder / ("out-" + std::to_string(++number)), v);
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

INSTANTIATE_TEST_SUITE_P(MonoAndColour, SameDigests, testing::Values(1, 3));

TEST(SameDigests, OtherFramesGiveOtherDigests) {
  TempDir folder;
  Digests seen[2];
  for (const int seed : {1, 2}) {
    const fs::path night = folder / ("night-" + std::to_string(seed));
    ASSERT_EQ(run_program({"simulate", night.string(), "--frames", "5", "--width", "131", "--height", "97",
                           "--stars", "20", "--seed", std::to_string(seed)})
                  .code,
              0);
    seen[seed - 1] =
        digests_of(night, folder / ("out-" + std::to_string(seed)), {"one thread", kFirstRun, {}, {}});
  }
  EXPECT_NE(seen[0]["classical"], seen[1]["classical"]);
  EXPECT_NE(seen[0]["reconstruction"], seen[1]["reconstruction"]);
}

}  // namespace
}  // namespace tilecompile
