#include "tilecompile/operate/join_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/operate/definitions.hpp"
#include "tilecompile/tile/result.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string secret_text(const std::string& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (text.empty())
    throw UsageError("a join file needs what is in " + file +
                     ", which is empty or cannot be read: " + std::strerror(errno != 0 ? errno : ENODATA));
  return text;
}

// Only the owner may read it, from its first byte on.
void write_secret(const fs::path& file, const std::string& text) {
  const mode_t before = umask(0077);
  try {
    write_file_atomically(file, text);
  } catch (...) {
    umask(before);
    throw;
  }
  umask(before);
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);
}

// The worker's own key, and behind it those that belong to nobody; the master's file gets to know the first.
std::string message_keys(const std::string& file, const std::string& worker_id) {
  const std::string mark = " = " + worker_id;
  std::string shared, kept;
  std::istringstream lines(secret_text(file));
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.ends_with(mark)) continue;
    kept += line + "\n";
    if (line.find(" = ") == std::string::npos) shared += line + "\n";
  }
  const std::string own = random_secret();
  write_secret(file, kept + own + mark + "\n");
  log_info("the worker has a key of its own in broker.message_key_file: restart masters that run",
           {{"file", file}, {"worker_id", worker_id}});
  return own + mark + "\n" + shared;
}

std::string host_for_others(const BrokerConfig& broker) {
  if (broker.host != "localhost" && broker.host != "::1" && !broker.host.starts_with("127."))
    return broker.host;
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  return host;
}

// The part of `all` that the worker needs, without what is empty.
json chosen(const json& all, std::initializer_list<const char*> keys) {
  json part = json::object();
  for (const char* key : keys)
    if (all.contains(key) && all[key] != "") part[key] = all[key];
  return part;
}

json open_part(const JoinRequest& request, const std::string& user) {
  const json all = effective_config(request.config);
  json worker{{"worker_id", request.worker_id}};
  worker["broker"] = chosen(all.at("broker"), {"port", "vhost", "tls", "tls_verify", "allow_plaintext",
                                               "queue_type", "heartbeat_s", "consumer_timeout_s"});
  worker["broker"]["host"] =
      request.address.empty() ? host_for_others(request.config.broker) : request.address;
  worker["broker"]["user"] = user;
  worker["storage"] = chosen(all.at("storage"), {"type"});
  if (request.config.storage.type == StorageType::kS3)
    worker["storage"]["s3"] =
        chosen(all.at("storage").at("s3"),
               {"endpoint", "bucket", "prefix", "frames_prefix", "region", "path_style", "profile"});
  else
    worker["storage"]["root"] = fs::absolute(storage_root(request.config)).string();
  if (request.config.storage.s3.frames_prefix.empty())
    worker["input"] = {{"dir", fs::absolute(request.config.input.dir).string()}};
  return worker;
}

json secret_part(const JoinRequest& request, const std::string& password) {
  const RunConfig& config = request.config;
  json join{{"password", password + "\n"}};
  if (!config.broker.ca_file.empty()) join["ca"] = secret_text(config.broker.ca_file);
  if (!config.broker.message_key_file.empty())
    join["message_keys"] = message_keys(config.broker.message_key_file, request.worker_id);
  const S3Config& s3 = config.storage.s3;
  if (!s3.credentials_file.empty()) join["s3_credentials"] = secret_text(s3.credentials_file);
  if (!s3.ca_file.empty()) join["s3_ca"] = secret_text(s3.ca_file);
  return join;
}

}  // namespace

json write_join_file(const JoinRequest& request) {
  if (!is_worker_id(request.worker_id))
    throw UsageError("--worker '" + request.worker_id +
                     "' is no name of a worker: 1 to 64 printable characters, neither blank nor comma");
  const std::string user = "tilecompile-worker-" + request.worker_id;
  const std::string password = random_secret();
  // JSON is YAML. The secrets come last, as the reader wants them.
  const std::string text =
      "# The way of worker " + request.worker_id +
      " to its broker: keep it secret, mode 0600. On the worker's host: tilecompile worker FILE\n"
      "# storage.root and input.dir are the master's: correct them where they are mounted elsewhere.\n";
  std::string body;
  const json open = open_part(request, user);
  for (const auto& [section, value] : open.items()) body += section + ": " + value.dump() + "\n";
  write_secret(request.file, text + body + "join:\n  " + secret_part(request, password).dump() + "\n");
  return worker_definitions(request.config, user, password);
}

}  // namespace tilecompile
