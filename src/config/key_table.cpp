#include "key_table.hpp"

#include <algorithm>
#include <cctype>
#include <map>

#include "section_rows.hpp"

namespace tilecompile {

const std::vector<Key>& key_table() {
  static const std::vector<Key> table = [] {
    std::vector<Key> rows;
    add_profile_key(rows);
    add_method_keys(rows);
    add_service_keys(rows);
    return rows;
  }();
  return table;
}

std::string section_doc(const std::string& path) {
  static const std::map<std::string, std::string> docs = {
      {"pipeline", "The run as a whole"},
      {"data", "What the frames must look like"},
      {"normalization", "Bringing the frames to a common level"},
      {"calibration", "Darks, flats and biases of raw frames"},
      {"registration", "Aligning raw frames"},
      {"global_metrics", "Quality of a frame as a whole"},
      {"global_metrics.weights", "Shares of the global metrics; they sum to 1"},
      {"tile", "The grid of tiles"},
      {"local_metrics", "Quality of a frame inside a tile"},
      {"local_metrics.star_mode", "Tiles with enough reference stars"},
      {"local_metrics.star_mode.weights", "Shares of the star metrics; they sum to 1"},
      {"local_metrics.structure_mode", "Tiles with too few reference stars"},
      {"synthetic", "Synthetic frames, one for each state of the sky"},
      {"synthetic.clustering", "How frames are grouped"},
      {"reconstruction", "Weighted mean inside a tile and blending of tiles"},
      {"stacking", "The final stack of the synthetic frames"},
      {"validation",
       "Thresholds of the verdict against the plain mean; missed only by more than the uncertainty"},
      {"runtime_limits", "When a run ends itself, resumable"},
      {"input", "The frames"},
      {"output", "The products"},
      {"parallel", "Threads, batches and memory"},
      {"broker", "The connection to RabbitMQ"},
      {"storage", "Where master and workers leave tiles and manifests"},
      {"storage.s3", "The S3 bucket of storage.type s3, and of frames that lie in one"},
      {"retry", "What happens to tiles that fail"},
      {"cache", "Copies of the frames on a local disk"},
      {"observability", "Logging"},
      {"diagnostics", "What workers tell of their tiles beside the results"},
  };
  const auto found = docs.find(path);
  return found == docs.end() ? "" : found->second;
}

bool serves(const Key& key, ConfigRole role) {
  return role == ConfigRole::kRun ? key.for_run : key.for_worker;
}

const Key* find_key(const std::string& path, ConfigRole role) {
  for (const Key& key : key_table()) {
    if (key.path == path && serves(key, role)) return &key;
  }
  return nullptr;
}

bool is_section(const std::string& path, ConfigRole role) {
  return std::any_of(key_table().begin(), key_table().end(),
                     [&](const Key& key) { return serves(key, role) && key.path.rfind(path + ".", 0) == 0; });
}

std::vector<std::string> section_paths(ConfigRole role) {
  std::vector<std::string> paths;
  for (const Key& key : key_table()) {
    if (!serves(key, role)) continue;
    for (std::size_t dot = key.path.find('.'); dot != std::string::npos; dot = key.path.find('.', dot + 1)) {
      const std::string path = key.path.substr(0, dot);
      if (std::find(paths.begin(), paths.end(), path) == paths.end()) paths.push_back(path);
    }
  }
  return paths;
}

std::string environment_name(const std::string& path) {
  std::string name = "TILECOMPILE_";
  for (const char c : path) {
    name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

}  // namespace tilecompile
