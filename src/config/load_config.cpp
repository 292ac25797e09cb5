#include "tilecompile/config/load_config.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "join_files.hpp"
#include "profiles.hpp"
#include "settings_reader.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

// A configuration has a few kilobytes; anything near this is another file.
constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

std::string read_config_file(const fs::path& file) {
  const auto refuse = [&](const std::string& why) {
    return UsageError("cannot read configuration file '" + file.string() + "': " + why);
  };
  std::error_code ignored;
  if (fs::is_directory(file, ignored)) throw refuse("it is a folder; name the YAML file inside it");
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw refuse(std::string(std::strerror(errno)) + "; check the path, or start from config/deep-sky.yaml");
  }
  std::string text(kMaxFileBytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) throw refuse("reading failed; check the disk");
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMaxFileBytes) throw refuse("it is larger than 1 MiB, so it is no configuration");
  return text;
}

/// A path of frames in a file lies beside that file; given on the command line or in the environment it means
/// what any other path there means.
void resolve_path(const SettingsReader& reader, const fs::path& file, const std::string& key,
                  std::string& path) {
  if (path.empty() || !reader.from_file(key)) return;
  path = (file.parent_path() / path).lexically_normal().string();
}

void resolve_paths(const SettingsReader& reader, const fs::path& file, RunConfig& config) {
  resolve_path(reader, file, "input.dir", config.input.dir);
  CalibrationConfig& calibration = config.calibration;
  for (const auto& [name, path] :
       {std::pair{"bias_dir", &calibration.bias_dir}, std::pair{"darks_dir", &calibration.darks_dir},
        std::pair{"flats_dir", &calibration.flats_dir},
        std::pair{"flat_darks_dir", &calibration.flat_darks_dir},
        std::pair{"bias_master", &calibration.bias_master},
        std::pair{"dark_master", &calibration.dark_master},
        std::pair{"flat_master", &calibration.flat_master},
        std::pair{"flat_dark_master", &calibration.flat_dark_master}})
    resolve_path(reader, file, std::string("calibration.") + name, *path);
}

/// A reader that has read the text, on the profile that the text or the overrides ask for.
SettingsReader run_reader(const std::string& text, const std::string& name,
                          const std::vector<std::string>& overrides) {
  const ChosenProfile chosen = choose_profile(parse_yaml(text, places_in(name)), overrides);
  Settings settings = profile_settings(chosen.profile);
  settings.run.profile = chosen.profile;
  settings.run.profile_why = chosen.why;
  SettingsReader reader(ConfigRole::kRun);
  reader.start_from(std::move(settings));
  reader.read_yaml(text, name);
  for (const std::string& assignment : overrides) reader.read_override(assignment);
  return reader;
}

}  // namespace

RunConfig load_run_config(const fs::path& file, const std::vector<std::string>& overrides) {
  SettingsReader reader = run_reader(read_config_file(file), file.string(), overrides);
  RunConfig config = reader.finish().run;
  resolve_paths(reader, file, config);
  return config;
}

RunConfig load_run_text(const std::string& text, const std::string& place,
                        const std::vector<std::string>& overrides) {
  return run_reader(text, place, overrides).finish().run;
}

RunConfig read_recorded_config(const nlohmann::json& configuration, const std::string& place) {
  return run_reader(configuration.dump(), place, {}).finish().run;
}

WorkerConfig load_worker_config(const fs::path& file, const std::vector<std::string>& overrides) {
  SettingsReader reader(ConfigRole::kWorker);
  std::string text = file.empty() ? "" : read_config_file(file);
  const JoinFiles join(text, file);
  reader.read_yaml(text, file.string());
  reader.read_environment();
  for (const std::string& assignment : overrides) reader.read_override(assignment);
  const Settings settings = reader.finish();
  WorkerConfig config;
  config.input = settings.run.input;
  config.parallel = settings.run.parallel;
  config.broker = settings.run.broker;
  config.storage = settings.run.storage;
  config.cache = settings.run.cache;
  config.observability = settings.run.observability;
  config.worker_id = settings.worker_id;
  resolve_path(reader, file, "input.dir", config.input.dir);
  join.resolve(config);
  return config;
}

std::string ignored_keys_text(const RunConfig& config) {
  std::string names;
  for (const std::string& key : config.ignored_keys) names += (names.empty() ? "" : ", ") + key;
  return names.empty() ? "" : "keys of newer tile_compile files that mean nothing here are ignored: " + names;
}

std::vector<WorkerKey> worker_keys() {
  std::vector<WorkerKey> keys;
  for (const Key& key : key_table()) {
    if (serves(key, ConfigRole::kWorker)) keys.push_back({key.path, environment_name(key.path), key.doc});
  }
  return keys;
}

std::vector<std::pair<std::string, std::string>> worker_flags(const WorkerConfig& config) {
  Settings settings;
  settings.run.input = config.input;
  settings.run.parallel = config.parallel;
  settings.run.broker = config.broker;
  settings.run.storage = config.storage;
  settings.run.cache = config.cache;
  settings.run.observability = config.observability;
  settings.worker_id = config.worker_id;
  std::vector<std::pair<std::string, std::string>> flags;
  for (const Key& key : key_table()) {
    if (!serves(key, ConfigRole::kWorker)) continue;
    const nlohmann::json value = key.read(settings);
    // A text stands for itself, unless it begins like one in quotes.
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    if (text.empty()) continue;
    const bool as_json = value.is_string() && (text.front() == '"' || text.front() == '\'');
    flags.emplace_back(key.path, as_json ? value.dump() : text);
  }
  return flags;
}

}  // namespace tilecompile
