#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "key_table.hpp"
#include "tilecompile/config/yaml_tree.hpp"

namespace tilecompile {

/// Fills Settings from a file, environment variables and overrides, later ones over earlier ones. Problems
/// are collected, so that one start of the program names them all.
class SettingsReader {
 public:
  explicit SettingsReader(ConfigRole role) : role_(role) {}

  /// Takes the text of a YAML file; `name` stands in front of every message. Throws UsageError for a text
  /// that is no YAML or holds what parse_yaml refuses.
  void read_yaml(const std::string& text, const std::string& name);
  /// Takes the variable of every key of the role; an empty one counts as not set.
  void read_environment();
  /// Takes "key.path=value". The value of a text key is taken as it stands unless it is in quotes; any other
  /// is YAML.
  void read_override(const std::string& assignment);

  /// Whether the last word on `path` came from the file.
  bool from_file(const std::string& path) const { return from_file_.count(path) != 0; }
  /// Checks the rules over several keys and throws UsageError with every problem, one a line.
  Settings finish();

 private:
  void read_map(const YamlNode& map, const std::string& section, const std::string& file);
  void read_member(const YamlNode::Member& member, const std::string& path, const std::string& file);
  bool set(const Key& key, nlohmann::json value, const std::string& position);
  void set_from_text(const Key& key, const std::string& text, const std::string& position);
  void report(const std::string& position, const std::string& text);

  ConfigRole role_;
  Settings settings_;
  std::vector<std::string> problems_;
  std::map<std::string, std::string> positions_;  ///< where the value of a key stands
  std::set<std::string> from_file_;               ///< keys whose value the file gave
};

}  // namespace tilecompile
