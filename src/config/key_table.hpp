#pragma once
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Everything the table's rows write to: a run's configuration and what only a worker has.
struct Settings {
  RunConfig run;
  std::string worker_id;
};

/// How the value of a key is checked and described.
enum class KeyType {
  kBool,
  kInteger,      ///< within low..high
  kAutoInteger,  ///< "auto" (held as 0) or an integer within low..high
  kNumber,       ///< finite, within low..high; always held and written as a double
  kText,         ///< see TextRule
  kChoice,       ///< one of `choices`
  kClamp,        ///< [low, high] with low < high, both within the row's low..high
  kWorkers,      ///< list of {id, address, capacity}, see ExpectedWorker
  kFixed,        ///< only choices[0]; a method word that has no alternative
};

/// What a text value must look like.
enum class TextRule {
  kAny,
  kNotEmpty,
  kAnyPath,       ///< a path or nothing; "~" and "~/..." mean the home folder
  kPath,          ///< kAnyPath that is not empty
  kRelativePath,  ///< not empty, not absolute, no ".." component: it stays below the folder it is joined to
  kFitsFile,      ///< kRelativePath that ends in .fit, .fits or .fts
  kNamePattern,   ///< a glob on file names: no '/'; may be empty
  kFolderName,    ///< one component of a path, not hidden, not "latest" and no UUID; may be empty
  kIdentifier,    ///< letters, digits, '.', '_', '-', ':', '@', at most 64; may be empty
};

/// One row: all that is known about one key. Parser, suggestions, canonical JSON, effective configuration,
/// schema, overrides and the worker's flags and environment variables come from these rows and nothing else.
struct Key {
  std::string path;  ///< as in the file, for example "tile.min_size"
  std::string doc;   ///< one line
  KeyType type = KeyType::kFixed;
  bool for_run = true, for_worker = false;
  bool reaches_pixel = false;  ///< part of canonical_method_json
  double low = 0, high = 0;
  TextRule text_rule = TextRule::kAny;
  std::vector<nlohmann::json> choices;
  std::string why;                                              ///< of kFixed: the reason, if not obvious
  std::function<nlohmann::json(const Settings&)> read;          ///< current value, in the file's spelling
  std::function<void(Settings&, const nlohmann::json&)> write;  ///< takes what check_value accepted
};

/// All keys, sections in the order of the documentation.
const std::vector<Key>& key_table();
/// One line on a section ("tile", "local_metrics.star_mode"); empty when it has none.
std::string section_doc(const std::string& path);

/// Whether `role` takes the key.
bool serves(const Key& key, ConfigRole role);
/// The row of `path`, or null.
const Key* find_key(const std::string& path, ConfigRole role);
/// Whether `path` is a section that holds keys of `role`.
bool is_section(const std::string& path, ConfigRole role);
/// All sections of `role` ("local_metrics", "local_metrics.star_mode", ...), each once.
std::vector<std::string> section_paths(ConfigRole role);
/// Environment variable of a key: "broker.host" is TILECOMPILE_BROKER_HOST.
std::string environment_name(const std::string& path);

/// Checks `value` and brings it to the form `write` takes (32 for a number becomes 32.0). Returns what is
/// wrong, without the key ("must be ..., found ..."), or nothing.
std::optional<std::string> check_value(const Key& key, nlohmann::json& value);
/// "an integer from 1 to 65535": what a key takes.
std::string allowed_values(const Key& key);
/// "the text 'abc'", "7", "nothing": a value as a message names it.
std::string describe_value(const nlohmann::json& value);
/// Text in quotes, cut to a readable length, control characters replaced.
std::string quoted(const std::string& text);

/// A rule over several keys that does not hold.
struct Conflict {
  std::vector<std::string> keys;  ///< the keys involved
  std::string text;
};
/// Weights that do not sum to 1 (to 1e-9), ranges the wrong way round, names that collide.
std::vector<Conflict> find_conflicts(const RunConfig& config);

}  // namespace tilecompile
