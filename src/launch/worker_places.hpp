#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "tilecompile/config/run_config.hpp"
#include "tilecompile/night/frame_origin.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// Where a worker reads and writes.
struct WorkerPlaces {
  std::unique_ptr<ObjectStore> store;
  FrameOrigin frames;
};

/// Opens them, and looks whether frames and storage are there: a folder of frames that is missing or empty is
/// a mount that is not there. Throws TransientError when they are not, and UsageError for what waiting does
/// not mend.
WorkerPlaces open_worker_places(const WorkerConfig& config);

/// The same, but waits for them with growing pauses. `tell` hears why, each time it looks in vain. Nothing
/// when `over` says that the worker is to end.
std::optional<WorkerPlaces> await_worker_places(
    const WorkerConfig& config, const std::function<void(const std::string& why, int again_in_s)>& tell,
    const std::function<bool()>& over);

}  // namespace tilecompile
