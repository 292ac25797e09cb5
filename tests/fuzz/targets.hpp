#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tilecompile {

/// One door through which foreign bytes come in.
struct FuzzTarget {
  const char* name;
  /// Reads the bytes as the program would. Returns whether they were accepted; throws nothing for refused
  /// ones, and std::logic_error when what was accepted breaks a promise of the reader.
  bool (*read)(std::string_view bytes);
  /// Valid inputs to start from, made by the program's own writers.
  std::vector<std::string> (*seeds)();
};

/// config, task, result, manifest, registration, frame_metrics, clusters, journal, tile_file, frame.
const std::vector<FuzzTarget>& fuzz_targets();

}  // namespace tilecompile
