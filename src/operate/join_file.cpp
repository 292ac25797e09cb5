#include "tilecompile/operate/join_file.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/authority.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/operate/definitions.hpp"
#include "tilecompile/tile/result.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kNamesFile = "broker.names";
constexpr const char* kMasterPassword = "passwords/master.password";

/// Files are made for their owner alone while this lives.
class PrivateFiles {
 public:
  PrivateFiles() : before_(umask(0077)) {}
  ~PrivateFiles() { umask(before_); }
  PrivateFiles(const PrivateFiles&) = delete;
  PrivateFiles& operator=(const PrivateFiles&) = delete;

 private:
  mode_t before_;
};

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw UsageError("cannot read " + file.string() + ": it belongs to the secrets of this broker");
  return {std::istreambuf_iterator<char>(in), {}};
}

// The worker's own key, and behind it those that belong to nobody; the master's file gets to know the first.
std::string message_keys(const fs::path& file, const std::string& worker) {
  const std::string mark = " = " + worker;
  std::string shared, kept;
  std::istringstream lines(fs::exists(file) ? text_of(file) : random_secret() + "\n");
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.ends_with(mark)) continue;
    kept += line + "\n";
    if (line.find(" = ") == std::string::npos) shared += line + "\n";
  }
  const std::string own = random_secret() + mark + "\n";
  write_file_atomically(file, kept + own);
  return own + shared;
}

KeyedCertificate authority_in(const fs::path& secrets) {
  const fs::path certificate = secrets / "ca.pem", key = secrets / "ca.key";
  if (!fs::exists(certificate) && !fs::exists(key)) {
    const KeyedCertificate made = make_authority("tilecompile authority");
    write_file_atomically(key, made.key_pem);
    write_file_atomically(certificate, made.certificate_pem);
  }
  return {text_of(certificate), text_of(key)};
}

void write_certificate(const fs::path& secrets, const std::string& name, const KeyedCertificate& made) {
  write_file_atomically(secrets / (name + ".key"), made.key_pem);
  write_file_atomically(secrets / (name + ".pem"), made.certificate_pem);
}

// Without, only on a private network, as RUN.yaml says.
bool encrypted(const RunConfig& config) { return config.broker.tls || !config.broker.allow_plaintext; }

bool is_own_host(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// Names of the broker's host, the first one for the workers: those that are given, or those of the last time.
std::vector<std::string> addresses_of(const RunConfig& config, const JoinRequest& request) {
  std::vector<std::string> names = request.addresses;
  std::ifstream earlier(request.secrets_dir / kNamesFile);
  for (std::string name; request.addresses.empty() && std::getline(earlier, name);) names.push_back(name);
  if (!is_own_host(config.broker.host) &&
      std::find(names.begin(), names.end(), config.broker.host) == names.end()) {
    if (request.addresses.empty()) names.clear();  // those of another broker
    names.push_back(config.broker.host);
  }
  if (names.empty())
    throw UsageError(
        "'broker.host' of " + request.run_file.string() + " is " + config.broker.host +
        ", which means another host to a worker: say by which name or address workers call this one "
        "with --address");
  return names;
}

// Whether RUN.yaml has a master's password of its own: then users, authority and keys are those that it
// names.
bool has_own_setup(const RunConfig& config, const fs::path& secrets) {
  const std::string& password = config.broker.password_file;
  return !password.empty() && fs::absolute(password).lexically_normal() != secrets / kMasterPassword;
}

json definitions_for(const RunConfig& config, const fs::path& secrets, const std::string& user,
                     const std::string& password) {
  const json of_worker = worker_definitions(config, user, password);
  if (has_own_setup(config, secrets)) return of_worker;
  json all = broker_definitions(config, (secrets / "passwords").string());
  for (const char* part : {"users", "permissions"})
    for (const json& entry : of_worker.at(part)) all[part].push_back(entry);
  return all;
}

std::string indented(const std::string& text) {
  std::string lines = "    ";
  for (const char c : text.substr(0, text.find_last_not_of('\n') + 1))
    lines += c == '\n' ? "\n    " : std::string(1, c);
  return lines + "\n";
}

std::string quoted(const std::string& text) { return json(text).dump(); }

std::string storage_section(const RunConfig& config,
                            std::vector<std::pair<std::string, std::string>>& files) {
  const S3Config& s3 = config.storage.s3;
  std::string text;
  const bool in_bucket = !s3.frames_prefix.empty() || config.storage.upload_frames;
  if (!in_bucket)
    text += "# The frames, as this host sees them.\ninput: {dir: " +
            quoted(fs::absolute(config.input.dir).string()) + "}\n";
  else
    text += "cache: {dir: \"~/.cache/tilecompile\"}\n";
  if (config.storage.type == StorageType::kFile)
    text += "# The folder that all hosts share, as this one sees it.\nstorage: {root: " +
            quoted(fs::absolute(storage_root(config)).string()) + "}\n";
  if (config.storage.type == StorageType::kFile && !in_bucket) return text;
  text += config.storage.type == StorageType::kS3 ? "storage:\n  type: s3\n" : "storage:\n";
  if (config.storage.upload_frames) text += "  upload_frames: true\n";
  text += "  s3:\n";
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) text += "    " + std::string(key) + ": " + quoted(value) + "\n";
  };
  add("endpoint", s3.endpoint);
  add("bucket", s3.bucket);
  add("region", s3.region);
  add("prefix", s3.prefix);
  add("frames_prefix", s3.frames_prefix);
  add("profile", s3.profile);
  if (!s3.path_style) text += "    path_style: false\n";
  if (!s3.credentials_file.empty()) {
    files.emplace_back("s3-credentials", text_of(s3.credentials_file));
    add("credentials_file", "join:s3-credentials");
  }
  if (!s3.ca_file.empty()) {
    files.emplace_back("s3-ca.pem", text_of(s3.ca_file));
    add("ca_file", "join:s3-ca.pem");
  }
  return text;
}

// What master and worker say alike.
std::string common_keys(const RunConfig& config) {
  std::string text = "  vhost: " + quoted(config.broker.vhost) + "\n" +
                     (encrypted(config) ? "  tls: true\n" : "  allow_plaintext: true\n");
  return config.broker.port == 0 ? text : text + "  port: " + std::to_string(config.broker.port) + "\n";
}

std::string join_text(const RunConfig& config, const JoinRequest& request, const std::string& user,
                      const std::string& host, std::vector<std::pair<std::string, std::string>> files) {
  // Keys of the configuration that name files, by what those hold.
  static const std::map<std::string, const char*> kKeys = {{"password", "password_file"},
                                                           {"message-keys", "message_key_file"},
                                                           {"ca.pem", "ca_file"},
                                                           {"worker.pem", "cert_file"},
                                                           {"worker.key", "key_file"}};
  std::string text =
      "# Lets " + request.worker + " join the runs of " + host +
      ". It holds passwords and keys: chmod 600, and bring it over a safe way.\n#\n#     "
      "tilecompile worker " +
      request.join_file.filename().string() + "\nworker_id: " + quoted(request.worker) +
      "\nbroker:\n  host: " + quoted(host) + "\n" + common_keys(config) +
      (config.broker.auth == BrokerLogin::kClientCertificate ? "  auth: external\n"
                                                             : "  user: " + quoted(user) + "\n");
  for (const auto& [name, content] : files)
    text += "  " + std::string(kKeys.at(name)) + ": join:" + name + "\n";
  text += storage_section(config, files) + "join:\n";
  for (const auto& [name, content] : files) text += "  " + name + ": |\n" + indented(content);
  return text;
}

// Asks every client for a certificate, which all have that join by a file.
std::string broker_conf(const fs::path& secrets, const RunConfig& config) {
  const std::string port = std::to_string(config.broker.port != 0 ? config.broker.port : 5671);
  std::string text =
      "# For /etc/rabbitmq/rabbitmq.conf. The user rabbitmq must be able to read the three "
      "files.\nlisteners.tcp = none\nlisteners.ssl.default = " +
      port + "\n";
  for (const auto& [key, file] :
       {std::pair{"cacertfile", "ca.pem"}, {"certfile", "broker.pem"}, {"keyfile", "broker.key"}})
    text += "ssl_options." + std::string(key) + " = " + (secrets / file).string() + "\n";
  text +=
      "ssl_options.versions.1 = tlsv1.3\nssl_options.versions.2 = tlsv1.2\nssl_options.verify = verify_peer\n"
      "ssl_options.fail_if_no_peer_cert = true\n";
  if (config.broker.auth == BrokerLogin::kClientCertificate)
    text +=
        "# Needs rabbitmq-plugins enable rabbitmq_auth_mechanism_ssl\nauth_mechanisms.1 = "
        "EXTERNAL\nssl_cert_login_from = common_name\n";
  return text;
}

std::string run_section(const fs::path& secrets, const RunConfig& config, const std::string& host) {
  const auto file = [&](const char* key, const char* name) {
    return "  " + std::string(key) + ": " + quoted((secrets / name).string()) + "\n";
  };
  std::string text = "broker:\n  host: " + quoted(host) + "\n" + common_keys(config) +
                     file("message_key_file", "message-keys");
  if (encrypted(config))
    text += file("ca_file", "ca.pem") + file("cert_file", "master.pem") + file("key_file", "master.key");
  return text + (config.broker.auth == BrokerLogin::kClientCertificate
                     ? "  auth: external\n"
                     : "  user: tilecompile-master\n" + file("password_file", kMasterPassword));
}

// Again when the broker has got a new name. Returns the lines for its configuration.
fs::path make_broker_files(const RunConfig& config, const fs::path& secrets,
                           const KeyedCertificate& authority, const std::vector<std::string>& names) {
  std::string wanted;
  for (const std::string& name : names) wanted += name + "\n";
  if (fs::exists(secrets / kNamesFile) && text_of(secrets / kNamesFile) == wanted) return {};
  write_certificate(secrets, "broker", issue_certificate(authority, "tilecompile-broker", names));
  write_certificate(secrets, "master", issue_certificate(authority, "tilecompile-master", {}));
  write_file_atomically(secrets / "rabbitmq.conf", broker_conf(secrets, config));
  write_file_atomically(secrets / kNamesFile, wanted);
  return secrets / "rabbitmq.conf";
}

using Files = std::vector<std::pair<std::string, std::string>>;

// What proves to the worker who the broker is, and to the broker who the worker is.
void add_certificates(const RunConfig& config, const fs::path& secrets, const std::string& user,
                      const std::vector<std::string>& names, Files& files, JoinSteps& steps) {
  if (!encrypted(config)) return;
  const bool own_setup = has_own_setup(config, secrets);
  if (own_setup) {
    if (config.broker.ca_file.empty()) return;
    const std::string trusted = text_of(config.broker.ca_file);
    files.emplace_back("ca.pem", trusted);
    // A broker that asks for certificates takes those of its authority, where that lies in the secrets.
    if (!fs::exists(secrets / "ca.key") || text_of(secrets / "ca.pem") != trusted) return;
  }
  const KeyedCertificate authority = authority_in(secrets);
  if (!own_setup) {
    steps.broker_conf = make_broker_files(config, secrets, authority, names);
    files.emplace_back("ca.pem", authority.certificate_pem);
  }
  const KeyedCertificate own = issue_certificate(authority, user, {});
  files.emplace_back("worker.pem", own.certificate_pem);
  files.emplace_back("worker.key", own.key_pem);
}

}  // namespace

JoinSteps write_join_file(const RunConfig& config, const JoinRequest& request) {
  if (!is_worker_id(request.worker) || request.worker.find_first_of("/=") != std::string::npos)
    throw UsageError(
        "--worker '" + request.worker +
        "' is no name of a worker: 1 to 64 printable characters without blank, comma, '/' and '='");
  const std::vector<std::string> names = addresses_of(config, request);
  if (fs::exists(request.join_file) && text_of(request.join_file).find("\njoin:\n") == std::string::npos)
    throw UsageError("--join-file " + request.join_file.string() +
                     " exists and is no join file; name another one");
  const PrivateFiles only_mine;
  const fs::path secrets = fs::absolute(request.secrets_dir).lexically_normal();
  fs::create_directories(secrets);
  const std::string user = "tilecompile-worker-" + request.worker, password = random_secret();
  const bool own_setup = has_own_setup(config, secrets);
  const fs::path keys = own_setup ? fs::path(config.broker.message_key_file) : secrets / "message-keys";
  JoinSteps steps;
  Files files = {{"password", password + "\n"}};
  if (!keys.empty()) files.emplace_back("message-keys", message_keys(keys, request.worker));
  add_certificates(config, secrets, user, names, files, steps);
  write_file_atomically(request.join_file, join_text(config, request, user, names.front(), std::move(files)));
  steps.definitions = secrets / "definitions.json";
  write_file_atomically(steps.definitions, definitions_for(config, secrets, user, password).dump(2) + "\n");
  if (!own_setup && config.broker.message_key_file != keys) {
    steps.run_section = secrets / "broker.yaml";
    write_file_atomically(steps.run_section, run_section(secrets, config, names.front()));
  }
  return steps;
}

}  // namespace tilecompile
