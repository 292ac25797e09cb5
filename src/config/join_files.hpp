#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// The files that a worker's configuration carries in its last section, `join`: certificates, keys and
/// passwords that are then named as `join:NAME` where others name a file.
class JoinFiles {
 public:
  /// Takes the section out of `text`. Throws UsageError when `file` holds one and others than its owner may
  /// read it, or when the section is no map of texts.
  JoinFiles(std::string& text, const std::filesystem::path& file);
  /// Puts paths into the place of `join:NAME`. The texts lie in memory that only this process has, for as
  /// long as it lives, and never on a disk. Throws UsageError for a name that the section lacks.
  void resolve(WorkerConfig& config) const;

 private:
  std::map<std::string, std::string> texts_;
  std::filesystem::path file_;
};

}  // namespace tilecompile
