#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "broker/shared_broker.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/protocol/diagnostics_message.hpp"

namespace tilecompile {
namespace {

struct Finished {
  std::map<std::string, std::string> digests;
  nlohmann::json record;
  std::filesystem::path directory;
};

class DiagnosticsOfARun : public testing::Test {
 protected:
  void SetUp() override {
    const auto made = run_program("simulate --profile v2 '" + night() +
                                  "' --frames 9 --width 260 --height 170 --stars 60 --drift 20 --seed 8");
    ASSERT_EQ(made.exit_code, 0) << made.text;
  }
  std::string night() const { return (folder_ / "night").string(); }
  Finished run(const std::string& mode, const std::string& flags) const {
    const std::string id = new_uuid();
    const auto ended = run_program(mode + " '" + night() + "/run.yaml' --quiet --run-id " + id +
                                   " --output '" + (folder_ / "out").string() +
                                   "' --set tile.min_size=32 --set tile.size_factor=8 " + flags);
    EXPECT_EQ(ended.exit_code, 0) << ended.text;
    const auto directory = folder_ / "out" / id;
    if (ended.exit_code != 0) return {};
    return {product_digests(directory), run_record(directory), directory};
  }
  /// Every line is a message of another tile of the run; their number.
  static int lines_of(const Finished& run) {
    std::ifstream in(run.directory / "diagnostics.jsonl");
    std::set<int> tiles;
    int lines = 0;
    for (std::string line; std::getline(in, line); ++lines) {
      const TileDiagnostics d = decode_diagnostics(line);
      EXPECT_EQ(d.run_id, run.record.at("run_id"));
      EXPECT_EQ(d.frames, 9);
      tiles.insert(d.tile_id);
    }
    EXPECT_EQ(static_cast<int>(tiles.size()), lines);
    return lines;
  }

  TempDir folder_;
};

const std::string kOn = " --set diagnostics.enabled=true ";

TEST_F(DiagnosticsOfARun, ChangeNoBitInOneProcess) {
  const Finished off = run("run", ""), on = run("run", kOn);
  ASSERT_GE(off.digests.size(), 2u);
  EXPECT_EQ(on.digests, off.digests);
  EXPECT_EQ(on.record.at("config_hash"), off.record.at("config_hash"));
  EXPECT_FALSE(std::filesystem::exists(off.directory / "diagnostics.jsonl"));
  EXPECT_FALSE(off.record.contains("diagnostics"));
  EXPECT_EQ(lines_of(on), on.record.at("tiles").at("count"));
  EXPECT_EQ(on.record.at("diagnostics").at("tiles"), on.record.at("tiles").at("count"));
}

TEST_F(DiagnosticsOfARun, ChangeNoBitOverTheBroker) {
  TILECOMPILE_NEEDS_RABBITMQ
  const PrivateBroker& broker = shared_broker();
  const std::string over = "--workers 2 --set broker.port=" + std::to_string(broker.port());
  const Finished reference = run("run", "");
  ASSERT_GE(reference.digests.size(), 2u);
  for (const char* more : {"", " --set parallel.isolation=shared", " --set diagnostics.max_messages=1"}) {
    const Finished on = run("master", over + kOn + more);
    EXPECT_EQ(on.digests, reference.digests) << more;
    EXPECT_EQ(lines_of(on), on.record.at("diagnostics").at("tiles")) << more;
    EXPECT_GT(lines_of(on), 0) << more;
  }
  // In the shared queue of other arguments nothing is collected; the run does not mind.
  const Finished mismatched =
      run("master", over + kOn + " --set parallel.isolation=shared --set diagnostics.max_age_s=7");
  EXPECT_EQ(mismatched.digests, reference.digests);
  EXPECT_EQ(lines_of(mismatched), 0);
}

}  // namespace
}  // namespace tilecompile
