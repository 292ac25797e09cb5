#include "tilecompile/operate/definitions.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/base64.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/broker/queue_arguments.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/operate/setup.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string role_password(const std::filesystem::path& folder, const BrokerRole& role) {
  const std::filesystem::path file = folder / (role.name + ".password");
  if (!std::filesystem::exists(file)) {
    const mode_t before = umask(0077);
    try {
      std::filesystem::create_directories(folder);
      write_file_atomically(file, random_secret() + "\n");
    } catch (const std::filesystem::filesystem_error& e) {
      umask(before);
      throw UsageError("cannot make the folder of passwords " + folder.string() + ": " + e.code().message());
    } catch (...) {
      umask(before);
      throw;
    }
    umask(before);
    log_info("made a password", {{"user", role_user(role)}, {"file", file.string()}});
  }
  BrokerConfig source;
  source.password_file = file.string();
  return broker_password(source);
}

json queue_json(const QueueSpec& queue, const std::string& vhost) {
  json arguments = json::object();
  for (const auto& [name, value] : queue_arguments(queue))
    std::visit([&, &key = name](const auto& v) { arguments[key] = v; }, value);
  return {{"name", queue.name},
          {"vhost", vhost},
          {"durable", true},
          {"auto_delete", false},
          {"arguments", arguments}};
}

json exchange_json(const std::string& name, const char* type, const std::string& vhost) {
  return {{"name", name},
          {"vhost", vhost},
          {"type", type},
          {"durable", true},
          {"auto_delete", false},
          {"internal", false},
          {"arguments", json::object()}};
}

json policy_json(const RunConfig& config, const std::string& name, const std::string& pattern, json limits) {
  return {{"vhost", config.broker.vhost},
          {"name", "tilecompile-" + name},
          {"pattern", pattern},
          {"apply-to", "queues"},
          {"priority", 1},
          {"definition", std::move(limits)}};
}

// The limits of a queue once more, for one that an earlier program declared without them.
json bounds_policy(const RunConfig& config, const std::string& name, const std::string& pattern,
                   const QueueSpec& queue) {
  json limits = {{"max-length", queue.bounds.messages},
                 {"max-length-bytes", queue.bounds.bytes},
                 {"overflow", queue.bounds.keep_newest ? "drop-head" : "reject-publish"}};
  if (queue.quorum) limits["delivery-limit"] = kDeliveryLimit;
  return policy_json(config, name, pattern, std::move(limits));
}

json policies(const RunConfig& config) {
  const bool quorum = config.broker.queue_type == QueueType::kQuorum;
  const json diagnostics = {{"max-length", config.diagnostics.max_messages},
                            {"overflow", "drop-head"},
                            {"message-ttl", std::int64_t{1000} * config.diagnostics.max_age_s}};
  return json::array(
      {policy_json(config, "diagnostics", R"(^tile\.diagnostics(\..*)?$)", diagnostics),
       bounds_policy(config, "tasks", R"(^tile\.compute$)", compute_queue_spec(quorum)),
       bounds_policy(config, "results", R"(^tile\.results(\..*)?$)",
                     results_queue_spec(kResultsQueue, quorum)),
       bounds_policy(config, "dead-letters", R"(^tile\.dlq$)", dead_letter_queue_spec(quorum))});
}

void add_user(json& file, const BrokerRole& role, const std::string& user, const std::string& password_hash,
              const std::string& vhost) {
  file["users"].push_back({{"name", user},
                           {"password_hash", password_hash},
                           {"hashing_algorithm", "rabbit_password_hashing_sha256"},
                           {"tags", role.tag.empty() ? json::array() : json::array({role.tag})},
                           {"limits", json::object()}});
  file["permissions"].push_back({{"user", user},
                                 {"vhost", vhost},
                                 {"configure", role.configure},
                                 {"write", role.write},
                                 {"read", role.read}});
}

}  // namespace

const std::vector<BrokerRole>& broker_roles() {
  // Declaring a queue takes `configure` on it; binding it `write` on it and `read` on the exchange; naming
  // the default exchange as its dead-letter target `write` on that. No queue that leads to tile.compute is
  // bound to tilecompile.results, so a worker can put a task nowhere.
  static const std::vector<BrokerRole> roles = {
      {"master", R"(^(tile\..*|tilecompile\.(tasks|results|events))$)",
       R"(^(tile\..*|tilecompile\.(tasks|events)|amq\.default)$)",
       R"(^(tile\..*|tilecompile\.(tasks|results))$)", ""},
      {"worker", "^$", R"(^tilecompile\.results$)", R"(^tile\.compute$)", ""},
      // Queues of its own, bound to the fan-out: it sees what masters tell and takes nothing from anybody.
      {"monitor", R"(^tilecompile\.watch\..*$)", R"(^tilecompile\.watch\..*$)",
       R"(^tilecompile\.(watch\..*|events)$)", "monitoring"},
  };
  return roles;
}

std::string role_user(const BrokerRole& role) { return "tilecompile-" + role.name; }

std::string random_secret() {
  std::string digits;
  for (const char c : new_uuid() + new_uuid())
    if (c != '-') digits += c;
  return digits;
}

std::string password_hash(const std::string& password) {
  const std::string salt = from_hex(new_uuid().substr(0, 8));
  return base64(salt + from_hex(sha256_hex(salt + password)));
}

json worker_definitions(const RunConfig& config, const std::string& user, const std::string& password) {
  json file = {{"users", json::array()}, {"permissions", json::array()}};
  for (const BrokerRole& role : broker_roles())
    if (role.name == "worker") add_user(file, role, user, password_hash(password), config.broker.vhost);
  return file;
}

json broker_definitions(const RunConfig& config, const std::string& password_dir) {
  const std::string& vhost = config.broker.vhost;
  json file = {{"vhosts", json::array({json::object({{"name", vhost}})})},
               {"users", json::array()},
               {"permissions", json::array()},
               {"exchanges", json::array()},
               {"queues", json::array()},
               {"bindings", json::array()},
               {"policies", policies(config)}};
  for (const BrokerRole& role : broker_roles()) {
    const std::string hash = password_dir.empty() ? "" : password_hash(role_password(password_dir, role));
    add_user(file, role, role_user(role), hash, vhost);
  }
  std::set<std::string> exchanges;
  file["exchanges"].push_back(exchange_json(kEventExchange, "fanout", vhost));
  for (const QueueSpec& queue : lasting_queues(config)) {
    if (exchanges.insert(queue.exchange).second)
      file["exchanges"].push_back(exchange_json(queue.exchange, "direct", vhost));
    file["queues"].push_back(queue_json(queue, vhost));
    file["bindings"].push_back({{"source", queue.exchange},
                                {"vhost", vhost},
                                {"destination", queue.name},
                                {"destination_type", "queue"},
                                {"routing_key", queue.name},
                                {"arguments", json::object()}});
  }
  return file;
}

}  // namespace tilecompile
