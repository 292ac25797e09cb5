#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// A user of the broker with the least it needs on one vhost: regular expressions on the names of exchanges
/// and queues (docs/protocol.md, "Roles").
struct BrokerRole {
  std::string name;  ///< master, worker, monitor; the user is tilecompile-<name>
  std::string configure, write, read;
  std::string tag;  ///< of the management pages; empty: none
};
const std::vector<BrokerRole>& broker_roles();
std::string role_user(const BrokerRole& role);

/// What RabbitMQ keeps of a password: base64(salt + SHA-256(salt + password)), salt of four random bytes.
std::string password_hash(const std::string& password);

/// 64 random hexadecimal digits.
std::string random_secret();

/// Definitions that add one user with the rights of a worker to a broker that knows the rest.
nlohmann::json worker_definitions(const RunConfig& config, const std::string& user,
                                  const std::string& password);

/// A definitions file for `load_definitions` or `rabbitmqctl import_definitions`: broker.vhost, the roles
/// with their permissions, exchanges, queues, bindings, and a policy that bounds diagnostics. Passwords come
/// from `password_dir`/<role>.password, first line; a missing file is made with a random one, mode 0600.
/// Empty: no passwords, so that these users log in by certificate only. Throws UsageError naming a file.
nlohmann::json broker_definitions(const RunConfig& config, const std::string& password_dir);

}  // namespace tilecompile
