#pragma once
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Name of the numerics: changes whenever the same frames and configuration would give other pixel bits. Part
/// of `config_hash`, so master and worker of different numerics refuse to mix.
extern const char* const kNumericsVersion;

/// Reads RUN.yaml and applies `overrides` ("key.path=value", value as YAML) over it.
/// Throws UsageError with file:line:column ("--set KEY" for an override), the key, what is allowed and "did
/// you mean" for every unknown key, wrong type, value out of range, weights that do not sum to 1 (to 1e-9),
/// overlap_fraction outside 0..0.5, normalization.enabled false; all problems at once, one a line. The v2
/// file is accepted as it stands. Keys of newer upstream files (config/upstream_keys.hpp) are no error: they
/// come back in `ignored_keys`. A relative input.dir of the file comes back joined to the file's folder;
/// one of an override, and every other path, as given.
RunConfig load_run_config(const std::filesystem::path& file, const std::vector<std::string>& overrides);
/// The same for a text with absolute paths; `place` is its name in messages.
RunConfig load_run_text(const std::string& text, const std::string& place,
                        const std::vector<std::string>& overrides);
/// The configuration that a run.json holds; `place` is its name in messages.
RunConfig read_recorded_config(const nlohmann::json& configuration, const std::string& place);
/// Reads WORKER.yaml (empty path: only defaults), then environment variables TILECOMPILE_<KEY_PATH> (dots as
/// '_', upper case; an empty one counts as not set), then `overrides`. A RUN.yaml's other sections are
/// unknown keys here. A join file (`tilecompile setup --join-file`) carries what its values name as
/// `join:NAME`; the paths that stand for them hold in this process alone. Errors as in load_run_config; the
/// place of a variable is its name.
WorkerConfig load_worker_config(const std::filesystem::path& file, const std::vector<std::string>& overrides);

/// Password of the broker user: first line of password_file, else TILECOMPILE_AMQP_PASSWORD, else "guest".
/// Throws UsageError that names the file when it is given but cannot be read or has an empty first line.
std::string broker_password(const BrokerConfig& broker);

/// Canonical JSON (UTF-8, keys sorted, no blanks, shortest round-trip numbers) of the sections that reach a
/// pixel, with `numerics_version`. Its SHA-256 is `config_hash`.
std::string canonical_method_json(const MethodConfig& method);
/// Inverse of canonical_method_json; throws InputError for anything it would not have written, and names both
/// numerics versions when they differ.
MethodConfig parse_method_json(const std::string& json);

/// The effective configuration, for run.json and `config`: a RUN.yaml with every key. Holds no secret.
nlohmann::json effective_config(const RunConfig& config);
/// The effective configuration as YAML, with config_hash in a comment before it. load_run_config reads it
/// back to the same values.
std::string config_yaml(const RunConfig& config);
/// One line that names all ignored keys; empty when there are none.
std::string ignored_keys_text(const RunConfig& config);
/// JSON Schema (2020-12) of RUN.yaml, generated from the same table as the parser.
nlohmann::json run_config_schema();

/// A key a worker takes: its path ("broker.host", the flag is "--broker.host"), environment variable and
/// description.
struct WorkerKey {
  std::string path, environment, description;
};
/// Every key a worker takes.
std::vector<WorkerKey> worker_keys();
/// Key and value of all a worker has to be told to have this configuration, as load_worker_config takes them
/// joined by '='; texts that are empty are left out. Holds no secret, only the names of files with one.
std::vector<std::pair<std::string, std::string>> worker_flags(const WorkerConfig& config);

/// The text that a run holds when `flag` gives `key` ("output.dir") the value `text`: a leading ~ is the home
/// folder. Throws UsageError that names the flag.
std::string checked_text(const std::string& key, const std::string& flag, const std::string& text);

}  // namespace tilecompile
