#pragma once
#include <memory>
#include <string>

#include "tilecompile/config/run_config.hpp"
#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// Writes configuration, manifest and frame metrics of a run to `store` and returns a task that refers to
/// them: all frames, no tiles yet, ids new.
TileTask share_task(ObjectStore& store, const MethodConfig& method, const Manifest& manifest,
                    const FrameMetrics& metrics);

/// A real task on a few real frames, small enough to try things out with.
struct SmallTask {
  std::shared_ptr<Manifest> manifest;
  FrameMetrics metrics;
  TileTask task;  ///< one tile in the middle of the image; its objects are in the store
  int planes = 1;
};
/// Analyses `manifest` (a few of the frames) and shares the task in `store`.
SmallTask make_small_task(const RunConfig& config, const FrameOrigin& frames,
                          const std::shared_ptr<Manifest>& manifest,
                          const std::shared_ptr<VerifiedFiles>& verified, ObjectStore& store);

}  // namespace tilecompile
