#pragma once
#include <cstddef>
#include <filesystem>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Storage root that master and workers share: storage.root, or output.dir.
std::filesystem::path storage_root(const RunConfig& config);
/// Memory that tile computation may use, bytes: parallel.memory_limit_mb, or half of the machine's memory.
std::size_t memory_limit_bytes(const ParallelConfig& parallel);
/// Of it, what is kept of frames that take long to read, which are raw or packed ones: a quarter.
std::size_t kept_memory_bytes(const ParallelConfig& parallel);
/// What is left for the samples that tiles are cut from, where some frames are packed or none.
std::size_t band_memory_bytes(const RunConfig& config, bool packed);

}  // namespace tilecompile
