#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// A worker that shall join the runs of a main server with one file.
struct JoinRequest {
  std::filesystem::path run_file;     ///< RUN.yaml, for the texts alone
  std::filesystem::path join_file;    ///< is written, mode 0600
  std::filesystem::path secrets_dir;  ///< keeps what all workers share
  std::string worker;                 ///< its worker_id
  std::vector<std::string>
      addresses;  ///< names by which workers call the broker's host; the first goes to the file
};

/// What is to be done by hand, once or after each new worker.
struct JoinSteps {
  std::filesystem::path definitions;  ///< to be imported by the broker
  std::filesystem::path broker_conf;  ///< lines for rabbitmq.conf; empty: not made this time
  std::filesystem::path run_section;  ///< the section `broker` that RUN.yaml needs; empty: it has it
};

/// Makes a user, a certificate, a key for messages and the configuration of a worker, and writes all of it to
/// one file. What all workers share is made at the first time: an authority, the broker's certificate, the
/// shared key. Again for the same worker: a new certificate, password and key. Where RUN.yaml names a
/// password of the master that is not one of these, the broker is taken as it is: its authority, its keys,
/// and a user for the worker alone, with a certificate when `secrets_dir` holds that authority (`ca.pem`,
/// `ca.key`). Throws UsageError for a name that is no worker_id, a file in the way, and
/// a broker that is called by no name that others could use.
JoinSteps write_join_file(const RunConfig& config, const JoinRequest& request);

}  // namespace tilecompile
