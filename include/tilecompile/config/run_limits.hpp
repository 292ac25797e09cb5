#pragma once
#include <cstddef>
#include <filesystem>

#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Storage root that master and workers share: storage.root, or output.dir.
std::filesystem::path storage_root(const RunConfig& config);
/// Memory that tile computation may use, bytes: parallel.memory_limit_mb, or half of the machine's memory.
std::size_t memory_limit_bytes(const ParallelConfig& parallel);
/// Of it, what a run keeps of resampled raw frames: a quarter; nothing of registered frames.
std::size_t kept_memory_bytes(const RunConfig& config);
/// The rest, for the samples that tiles are cut from.
std::size_t band_memory_bytes(const RunConfig& config);

}  // namespace tilecompile
