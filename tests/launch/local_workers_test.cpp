#include "launch/local_workers.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "config/key_table.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

// Another value than `now` that the key takes.
nlohmann::json other_value(const Key& key, const nlohmann::json& now) {
  switch (key.type) {
    case KeyType::kBool:
      return !now.get<bool>();
    case KeyType::kInteger:
    case KeyType::kAutoInteger:
      return static_cast<std::int64_t>(key.low) + 1;
    case KeyType::kNumber:
      return key.low + 0.25;
    case KeyType::kChoice:
      return key.choices[0] == now ? key.choices[1] : key.choices[0];
    default:
      return "7 and more";
  }
}

/// A run's configuration in which every key that a worker shares is another than its default.
RunConfig all_other(std::set<std::string>* keys) {
  Settings settings;
  for (const Key& key : key_table()) {
    if (!serves(key, ConfigRole::kRun) || !serves(key, ConfigRole::kWorker)) continue;
    if (key.path == "broker.url") continue;  // says again what other keys say
    nlohmann::json value = other_value(key, key.read(settings));
    EXPECT_FALSE(check_value(key, value)) << key.path << " " << value;
    key.write(settings, value);
    keys->insert(key.path);
  }
  return settings.run;
}

std::map<std::string, std::string> flags_of(const WorkerConfig& config) {
  std::map<std::string, std::string> flags;
  for (const auto& [key, value] : worker_flags(config)) flags[key] = value;
  return flags;
}

TEST(LocalWorkers, GetEveryKeyThatTheRunSharesWithThem) {
  std::set<std::string> keys;
  RunConfig config = all_other(&keys);
  ASSERT_GT(keys.size(), 25u);
  config.storage.s3.frames_prefix.clear();  // frames lie in a folder or in a bucket: see below
  keys.erase("storage.s3.frames_prefix");
  keys.erase("observability.listen");  // a port is one process's, the master's
  const WorkerConfig worker = local_worker_config(config, 3, 1, false);
  std::vector<std::string> overrides;
  for (const auto& [key, value] : worker_flags(worker)) {
    overrides.push_back(key + "=" + value);
    keys.erase(key);
  }
  EXPECT_EQ(worker.observability.listen, "");
  EXPECT_TRUE(keys.empty()) << "not passed on: " << *keys.begin();
  const WorkerConfig arrived = load_worker_config({}, overrides);
  EXPECT_EQ(flags_of(arrived), flags_of(worker));
  EXPECT_EQ(arrived.worker_id, "local-2");
  EXPECT_EQ(arrived.broker.reconnect_timeout_s, 0.25);
  EXPECT_EQ(arrived.storage.s3.stall_timeout_s, config.storage.s3.stall_timeout_s);
  EXPECT_EQ(arrived.storage.root, "7 and more");
  config.input.dir.clear();
  config.storage.s3.frames_prefix = "night";
  EXPECT_EQ(flags_of(local_worker_config(config, 3, 1, false)).at("storage.s3.frames_prefix"), "night");
}

TEST(LocalWorkers, ShareThreadsAndMemory) {
  RunConfig config;
  config.parallel.threads = 8;
  config.parallel.memory_limit_mb = 1200;
  config.output.dir = "results";
  EXPECT_EQ(local_worker_config(config, 3, 0, false).parallel.threads, 2);
  EXPECT_EQ(local_worker_config(config, 3, 0, false).parallel.memory_limit_mb, 400);
  EXPECT_EQ(local_worker_config(config, 100, 0, false).parallel.threads, 1);
  EXPECT_EQ(local_worker_config(config, 100, 0, false).parallel.memory_limit_mb, 64);
  EXPECT_EQ(local_worker_config(config, 1, 0, false).storage.root, "results");
  EXPECT_EQ(local_worker_config(config, 1, 0, true).observability.log_level, LogLevel::kError);
}

TEST(WorkerFlags, ATextThatLooksLikeOneInQuotesArrivesAsItIs) {
  WorkerConfig config;
  config.broker.user = "\"quoted\"";
  config.broker.vhost = "'";
  config.storage.s3.bucket = "2024";
  std::vector<std::string> overrides;
  for (const auto& [key, value] : worker_flags(config)) overrides.push_back(key + "=" + value);
  const WorkerConfig arrived = load_worker_config({}, overrides);
  EXPECT_EQ(arrived.broker.user, config.broker.user);
  EXPECT_EQ(arrived.broker.vhost, config.broker.vhost);
  EXPECT_EQ(arrived.storage.s3.bucket, config.storage.s3.bucket);
}

}  // namespace
}  // namespace tilecompile
