#pragma once
#include <memory>

#include "tilecompile/config/run_config.hpp"
#include "tilecompile/dispatch/own_tiles.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// The master's own computation in threads of this process, by the code of a worker over the same storage, of
/// which it only reads: what it computes stays in memory. Frames, manifest and metrics are read and checked
/// as a worker does, but that files which this process has `verified` are not hashed again, unless a tile is
/// asked for afresh. Nothing is started before the first tile is asked for.
std::unique_ptr<OwnTiles> own_tiles_pool(
    ObjectStore& store, FrameOrigin frames, const ParallelConfig& config,
    std::shared_ptr<VerifiedFiles> verified = std::make_shared<VerifiedFiles>());

}  // namespace tilecompile
