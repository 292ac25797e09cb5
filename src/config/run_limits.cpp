#include "tilecompile/config/run_limits.hpp"

#include <unistd.h>

#include <algorithm>

namespace tilecompile {

std::filesystem::path storage_root(const RunConfig& config) {
  return config.storage.root.empty() ? std::filesystem::path(config.output.dir)
                                     : std::filesystem::path(config.storage.root);
}

std::size_t memory_limit_bytes(const ParallelConfig& parallel) {
  if (parallel.memory_limit_mb > 0) return static_cast<std::size_t>(parallel.memory_limit_mb) << 20;
  const auto pages = static_cast<std::size_t>(std::max(0L, sysconf(_SC_PHYS_PAGES)));
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 2;
}

std::size_t kept_memory_bytes(const ParallelConfig& parallel) {
  constexpr std::size_t kKeptShare = 4;
  return memory_limit_bytes(parallel) / kKeptShare;
}

std::size_t band_memory_bytes(const RunConfig& config, bool packed) {
  const std::size_t limit = memory_limit_bytes(config.parallel);
  return calibrates(config) || packed ? limit - kept_memory_bytes(config.parallel) : limit;
}

}  // namespace tilecompile
