#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "broker/private_broker.hpp"
#include "program.hpp"
#include "started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

namespace fs = std::filesystem;

/// A night of sixty frames, a broker for all cases of a test program, and the digests of the run in one
/// process.
class WorkerLife : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    broker_ = new PrivateBroker();
    folder_ = new TempDir();
    const auto made = run_program("simulate --profile v2 " + (*folder_ / "night").string() +
                                  " --frames 60 --width 900 --height 400 --stars 150 --drift 20 --seed 23");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    const auto ended = run_program("run " + flags(new_uuid()));
    ASSERT_EQ(ended.exit_code, 0) << ended.text;
    reference_ = product_digests(*folder_ / "out/latest");
  }
  static void TearDownTestSuite() {
    delete folder_;
    delete broker_;
  }
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    broker_->wait_until_quiet();  // the workers of the case before
  }
  static std::string port() { return std::to_string(broker_->port()); }
  static std::vector<std::string> words(const std::string& id) {
    return {(*folder_ / "night/run.yaml").string(),
            "--run-id",
            id,
            "--output",
            (*folder_ / "out").string(),
            "--set",
            "tile.min_size=48",
            "--set",
            "broker.heartbeat_s=2"};
  }
  static std::string flags(const std::string& id) {
    std::string text;
    for (const std::string& word : words(id)) text += "'" + word + "' ";
    return text;
  }
  std::unique_ptr<StartedProgram> start_master(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = words(id_);
    arguments.insert(arguments.begin(), "master");
    arguments.insert(arguments.end(), {"--set", "broker.port=" + port()});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::make_unique<StartedProgram>(arguments, *folder_ / (id_ + ".log"));
  }
  std::unique_ptr<StartedProgram> start_worker(const std::string& name,
                                               const std::vector<std::string>& more = {},
                                               const fs::path& storage = {}) const {
    std::vector<std::string> arguments = {"worker",
                                          "--worker_id",
                                          name,
                                          "--broker.port",
                                          port(),
                                          "--input.dir",
                                          (*folder_ / "night/frames").string(),
                                          "--storage.root",
                                          (storage.empty() ? *folder_ / "out" : storage).string(),
                                          "--log-level",
                                          "debug",
                                          "--broker.heartbeat_s",
                                          "2"};
    if (std::find(more.begin(), more.end(), "--parallel.threads") == more.end())
      arguments.insert(arguments.end(), {"--parallel.threads", "1"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return std::make_unique<StartedProgram>(arguments, *folder_ / (id_ + name + ".log"));
  }
  void expect_reference(StartedProgram& master) const {
    ASSERT_EQ(master.wait(), 0) << master.text();
    EXPECT_EQ(product_digests(*folder_ / "out" / id_), reference_);
  }
  static std::size_t count_of(const std::string& text, const std::string& words) {
    std::size_t n = 0;
    for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) ++n;
    return n;
  }

  const std::string id_ = new_uuid();
  static inline PrivateBroker* broker_ = nullptr;
  static inline TempDir* folder_ = nullptr;
  static inline std::map<std::string, std::string> reference_;
};

}  // namespace tilecompile
