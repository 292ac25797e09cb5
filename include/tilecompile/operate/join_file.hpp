#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// What a worker is to be given.
struct JoinRequest {
  RunConfig config;            ///< of the master
  std::filesystem::path file;  ///< to write, mode 0600
  std::string worker_id;
  std::string address;  ///< of the broker as the worker reaches it; empty: broker.host, or this host's name
};

/// Writes the join file of a worker: where broker, storage and frames are, a password of its own, the
/// broker's authority, the keys of messages and of S3. With broker.message_key_file the worker gets a key of
/// its own there. Returns the definitions that RabbitMQ imports to know the worker's user, who may do what
/// workers may and no more. A second file for the same worker replaces its password. Throws UsageError when a
/// file that the configuration names cannot be read, TransientError when one cannot be written.
nlohmann::json write_join_file(const JoinRequest& request);

}  // namespace tilecompile
