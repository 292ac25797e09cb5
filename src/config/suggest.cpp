#include "suggest.hpp"

#include <algorithm>
#include <tuple>

#include "key_table.hpp"
#include "tilecompile/base/edit_distance.hpp"

namespace tilecompile {
namespace {

// A longer name is no slip of the fingers, and comparing it costs time.
constexpr std::size_t kLongestName = 100;

std::string last_word(const std::string& path) { return path.substr(path.rfind('.') + 1); }
std::string parent(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

/// Edits that still count as a slip in a name of this length.
int tolerance(const std::string& name) {
  return name.size() <= 4 ? 1 : std::max(2, static_cast<int>(name.size()) / 4);
}

std::vector<std::string> known_paths(ConfigRole role) {
  std::vector<std::string> paths = section_paths(role);
  for (const Key& key : key_table()) {
    if (serves(key, role)) paths.push_back(key.path);
  }
  return paths;
}

std::string children_text(const std::string& section, ConfigRole role) {
  std::string names;
  for (const std::string& path : known_paths(role)) {
    if (parent(path) == section) names += (names.empty() ? "" : ", ") + last_word(path);
  }
  return names;
}

}  // namespace

std::string nearest_key(const std::string& unknown, ConfigRole role) {
  if (unknown.size() > kLongestName) return "";
  std::tuple<int, int, std::string> best{1000, 1000, ""};
  for (const std::string& path : known_paths(role)) {
    const int whole = edit_distance(unknown, path);
    if (whole <= tolerance(unknown)) best = std::min(best, {whole, whole, path});
    // The right word in the wrong section costs one edit more than in the right one.
    const std::string word = last_word(unknown);
    const int last = edit_distance(word, last_word(path));
    if (last < tolerance(word)) best = std::min(best, {last + 1, whole, path});
  }
  return std::get<2>(best);
}

std::string unknown_key_text(const std::string& unknown, ConfigRole role) {
  const std::string text = "unknown key " + quoted(unknown);
  const ConfigRole other = role == ConfigRole::kRun ? ConfigRole::kWorker : ConfigRole::kRun;
  if (find_key(unknown, other) != nullptr || is_section(unknown, other)) {
    return text + (role == ConfigRole::kRun ? "; it belongs to the configuration of a worker, not of a run"
                                            : "; it belongs to the configuration of a run, not of a worker");
  }
  const std::string nearest = nearest_key(unknown, role);
  if (!nearest.empty()) return text + "; did you mean '" + nearest + "'?";
  std::string section = parent(unknown);
  while (!section.empty() && !is_section(section, role)) section = parent(section);
  return text + (section.empty() ? "; the sections are " : "; '" + section + "' takes ") +
         children_text(section, role);
}

}  // namespace tilecompile
