#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "config_files.hpp"
#include "paths.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

std::string worker_error(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  const YamlFile file(yaml);
  return error_text<UsageError>([&] { load_worker_config(file.path(), overrides); });
}

TEST(LoadWorkerConfig, DefaultsWithoutAFile) {
  const WorkerConfig config = load_worker_config({}, {});
  EXPECT_EQ(config.broker.host, "127.0.0.1");
  EXPECT_EQ(config.parallel.prefetch, 2);
  EXPECT_EQ(config.worker_id, "");
}

TEST(LoadWorkerConfig, FileThenEnvironmentThenOverrides) {
  const YamlFile file(
      "input: {dir: lights}\nbroker: {host: a, port: 1, user: u}\nworker_id: w\nparallel: {memory_limit_mb: "
      "1}\n");
  const ScopedVariable host("TILECOMPILE_BROKER_HOST", "b"), port("TILECOMPILE_BROKER_PORT", "2"),
      memory("TILECOMPILE_PARALLEL_MEMORY_LIMIT_MB", "512"), id("TILECOMPILE_WORKER_ID", "7"),
      user("TILECOMPILE_BROKER_USER", "");
  const WorkerConfig config = load_worker_config(file.path(), {"broker.port=3"});
  EXPECT_EQ(config.input.dir, file.dir() + "/lights");
  EXPECT_EQ(config.broker.host, "b");
  EXPECT_EQ(config.broker.port, 3);
  EXPECT_EQ(config.broker.user, "u");
  EXPECT_EQ(config.parallel.memory_limit_mb, 512);
  EXPECT_EQ(config.worker_id, "7");
  const ScopedVariable dir("TILECOMPILE_INPUT_DIR", "there");
  EXPECT_EQ(load_worker_config(file.path(), {}).input.dir, "there");
}

TEST(LoadWorkerConfig, Errors) {
  EXPECT_THAT(
      worker_error("tile: {min_size: 64}\n"),
      HasSubstr(":1:1: unknown key 'tile'; it belongs to the configuration of a run, not of a worker"));
  EXPECT_THAT(worker_error("input: {pattern: x}\n"),
              HasSubstr(":1:9: unknown key 'input.pattern'; it belongs to the configuration of a run"));
  EXPECT_THAT(worker_error("broker: {hots: x}\n"),
              HasSubstr(":1:10: unknown key 'broker.hots'; did you mean 'broker.host'?"));
  EXPECT_THAT(worker_error("worker_id: a b\n"), HasSubstr("'worker_id' must be text of at most 64 letters"));
  const ScopedVariable port("TILECOMPILE_BROKER_PORT", "none");
  EXPECT_EQ(worker_error(""),
            "TILECOMPILE_BROKER_PORT: 'broker.port' must be auto or an integer from 1 to 65535, found the "
            "text 'none'");
}

TEST(LoadWorkerConfig, TheExampleParses) {
  const WorkerConfig config = load_worker_config(source_dir() + "/config/worker.yaml", {});
  EXPECT_EQ(config.input.dir, "/shared/frames");
  EXPECT_EQ(config.storage.root, "/shared/tilecompile");
}

TEST(WorkerKeys, NameEachKeyWithItsVariable) {
  const auto keys = worker_keys();
  const auto find = [&](const std::string& path) {
    return std::find_if(keys.begin(), keys.end(), [&](const WorkerKey& k) { return k.path == path; });
  };
  ASSERT_NE(find("parallel.memory_limit_mb"), keys.end());
  EXPECT_EQ(find("parallel.memory_limit_mb")->environment, "TILECOMPILE_PARALLEL_MEMORY_LIMIT_MB");
  ASSERT_NE(find("worker_id"), keys.end());
  EXPECT_EQ(find("worker_id")->environment, "TILECOMPILE_WORKER_ID");
  EXPECT_NE(find("input.dir"), keys.end());
  EXPECT_EQ(find("input.stage"), keys.end());
  EXPECT_EQ(find("tile.min_size"), keys.end());
  for (const WorkerKey& key : keys) {
    EXPECT_FALSE(key.description.empty()) << key.path;
    EXPECT_NE(key.environment, "TILECOMPILE_AMQP_PASSWORD") << key.path;
  }
}

TEST(BrokerPassword, FileThenVariableThenGuest) {
  BrokerConfig broker;
  EXPECT_EQ(broker_password(broker), "guest");
  const ScopedVariable variable("TILECOMPILE_AMQP_PASSWORD", "from-variable");
  EXPECT_EQ(broker_password(broker), "from-variable");
  for (const char* text : {"from file", "from file\n", "from file\r\n", "from file\nmore\n"}) {
    const YamlFile file(text);
    broker.password_file = file.path();
    EXPECT_EQ(broker_password(broker), "from file");
  }
}

TEST(BrokerPassword, AFileThatCannotServeIsNamedNotReplaced) {
  const ScopedVariable variable("TILECOMPILE_AMQP_PASSWORD", "from-variable");
  const YamlFile empty("\nsecond\n");
  for (const std::string& path : {empty.path(), empty.dir(), empty.dir() + "/none"}) {
    BrokerConfig broker;
    broker.password_file = path;
    const std::string text = error_text<UsageError>([&] { broker_password(broker); });
    EXPECT_THAT(text, HasSubstr("'" + path + "'"));
    EXPECT_EQ(text.find("second"), std::string::npos);
  }
}

}  // namespace
}  // namespace tilecompile
