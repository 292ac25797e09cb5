#include "settings_reader.hpp"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "broker_url.hpp"
#include "suggest.hpp"
#include "tilecompile/base/error.hpp"
#include "upstream_keys.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMaxProblems = 20;

std::string place(const std::string& file, const YamlNode& node) {
  return file + ":" + std::to_string(node.line) + ":" + std::to_string(node.column);
}

std::string first_key_of(const std::string& section, ConfigRole role) {
  for (const Key& key : key_table()) {
    if (serves(key, role) && key.path.rfind(section + ".", 0) == 0) return key.path;
  }
  return "";
}

}  // namespace

void SettingsReader::read_yaml(const std::string& text, const std::string& name) {
  const YamlNode root = parse_yaml(text, places_in(name));
  if (root.kind == YamlNode::Kind::kNull) return;
  if (root.kind != YamlNode::Kind::kMap) {
    throw UsageError(place(name, root) + ": the file must hold sections of keys (section: {key: value})");
  }
  read_map(root, "", name);
}

void SettingsReader::read_map(const YamlNode& map, const std::string& section, const std::string& file) {
  std::map<std::string, int> first_lines;
  for (const YamlNode::Member& member : map.members) {
    if (problems_.size() >= kMaxProblems) return;
    const std::string path = section.empty() ? member.key.text : section + "." + member.key.text;
    const auto [first, is_new] = first_lines.emplace(path, member.key.line);
    if (!is_new) {
      report(place(file, member.key),
             "duplicate key " + quoted(path) + "; it stands first on line " + std::to_string(first->second));
    } else if (member.key.text.find('.') != std::string::npos) {
      // A dot inside a key would give every nested key a second spelling.
      report(place(file, member.key),
             "unknown key " + quoted(path) + "; write sections nested, not with dots");
    } else {
      read_member(member, path, file);
    }
  }
}

void SettingsReader::read_member(const YamlNode::Member& member, const std::string& path,
                                 const std::string& file) {
  const YamlNode& value = member.value;
  const bool null = value.kind == YamlNode::Kind::kNull;
  if (const Key* key = find_key(path, role_)) {
    // The parser places a missing value at whatever follows it, so the key's place says more.
    if (set(*key, to_json(value), place(file, null ? member.key : value))) from_file_.insert(path);
  } else if (!is_section(path, role_)) {
    if (role_ == ConfigRole::kRun && is_upstream_key(path))
      settings_.run.ignored_keys.push_back(path);
    else
      report(place(file, member.key), unknown_key_text(path, role_));
  } else if (value.kind == YamlNode::Kind::kMap) {
    read_map(value, path, file);
  } else if (!null) {
    report(place(file, value), "'" + path + "' is a section of keys such as '" + first_key_of(path, role_) +
                                   "', found " + describe_value(to_json(value)));
  }
}

void SettingsReader::read_environment() {
  for (const Key& key : key_table()) {
    if (!serves(key, role_)) continue;
    const std::string name = environment_name(key.path);
    const char* value = std::getenv(name.c_str());
    if (value != nullptr && *value != '\0') set_from_text(key, value, name);
  }
}

void SettingsReader::read_override(const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  const std::string path = assignment.substr(0, equals);
  const std::string position = "--set " + path;
  if (equals == std::string::npos || path.empty()) {
    report("--set " + assignment, "must have the form key.path=value");
  } else if (const Key* key = find_key(path, role_)) {
    set_from_text(*key, assignment.substr(equals + 1), position);
  } else if (is_section(path, role_)) {
    report(position,
           "'" + path + "' is a section; set one of its keys, such as '" + first_key_of(path, role_) + "'");
  } else {
    report(position, unknown_key_text(path, role_));
  }
}

void SettingsReader::set_from_text(const Key& key, const std::string& text, const std::string& position) {
  const bool in_quotes = !text.empty() && (text.front() == '"' || text.front() == '\'');
  try {
    const YamlPosition here = [&](int, int) { return position; };
    if (key.type != KeyType::kText || in_quotes) {
      set(key, to_json(parse_yaml(text, here)), position);
      return;
    }
    // `input.pattern=*.fits` is no YAML, and a worker may well be called 7: plain text needs no quotes here.
    (void)nlohmann::json(text).dump();
    set(key, text, position);
  } catch (const UsageError& e) {
    problems_.emplace_back(e.what());
  } catch (const nlohmann::json::exception&) {
    report(position, "not valid UTF-8");
  }
}

bool SettingsReader::set(const Key& key, nlohmann::json value, const std::string& position) {
  if (const auto problem = check_value(key, value)) {
    report(position, "'" + key.path + "' " + *problem);
    return false;
  }
  // A URL stands for the single keys, and they alone are kept.
  if (key.path == "broker.url" && value != "") {
    const BrokerUrl url = parse_broker_url(value);
    if (!url.problem.empty()) {
      report(position, "'broker.url' " + url.problem);
      return false;
    }
    for (const auto& [path, single] : url.keys) set(*find_key(path, role_), single, position);
    value = "";
  }
  key.write(settings_, value);
  positions_[key.path] = position;
  from_file_.erase(key.path);
  return true;
}

void SettingsReader::report(const std::string& position, const std::string& text) {
  problems_.push_back(position + ": " + text);
}

Settings SettingsReader::finish() {
  const CalibrationConfig& calibration = settings_.run.calibration;
  if (!calibrates(settings_.run) && (calibration.use_bias || calibration.use_dark || calibration.use_flat))
    settings_.run.ignored_keys.push_back("calibration");
  // Only with every key in place do the rules over several keys mean anything.
  if (problems_.empty()) {
    for (const Conflict& conflict : find_conflicts(settings_.run)) {
      std::string position = "configuration";
      for (const std::string& key : conflict.keys) {
        const auto found = positions_.find(key);
        if (found == positions_.end()) continue;
        position = found->second;
        break;
      }
      report(position, conflict.text);
    }
  }
  if (problems_.empty()) return settings_;
  std::string text;
  for (const std::string& problem : problems_) text += (text.empty() ? "" : "\n") + problem;
  throw UsageError(text);
}

}  // namespace tilecompile
