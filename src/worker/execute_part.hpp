#pragma once
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"
#include "tilecompile/worker/run_contexts.hpp"

namespace tilecompile {

/// The worker's part in a tile that is computed in pieces: measures or sums one tile over the frames of the
/// task, stores the object and fills in the result.
void execute_part(const TileTask& task, const TaskTile& tile, const RunContext& run, ObjectStore& store,
                  ResultMessage& message);

/// The same for a frame or a band of rows of a `frame_batch`.
void execute_frame_item(const TileTask& task, TaskTile item, const RunContext& run, ObjectStore& store,
                        ResultMessage& message);

}  // namespace tilecompile
