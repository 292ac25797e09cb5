#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "tilecompile/tile/compute_tile.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/worker/run_contexts.hpp"

namespace tilecompile {

/// What a worker knows besides the task: it travels beside a result, never in it.
struct WorkerIdentity {
  std::string worker_id;
  int attempt = 1;
};

/// Hears of every tile that was reconstructed, before it is stored; must not throw.
using TileObserver =
    std::function<void(const TileTask&, const TaskTile&, const TileInput&, const TileResult&)>;

/// Reconstructs the tiles of a task, stores them, and hands every tile's result message to `emit` in the
/// order of the task. A tile that fails is a result with an error, whatever was thrown: an impossible state
/// and what the standard library throws are of kind `contract`, memory that does not suffice is `transient`.
/// `observe` may be empty. Before every tile `go_on` is asked; false leaves the rest of the task undone. With
/// `side_by_side` a large tile is stored, and answered, while or after the next one is computed; without,
/// before `go_on` is asked for it. Throws only what `emit` and `go_on` throw.
void execute_tiles(
    const TileTask& task, RunContexts& runs, ObjectStore& store, const WorkerIdentity& identity,
    const std::function<void(const ResultMessage&)>& emit, const TileObserver& observe = {},
    const std::function<bool(const TaskTile&)>& go_on = [](const TaskTile&) { return true; },
    bool side_by_side = true);

/// Task bytes in, result messages out: execute_tiles of the decoded task. Throws InputError when the task
/// itself cannot be read, so that no run is known to answer to.
void execute_task(std::string_view task_bytes, RunContexts& runs, ObjectStore& store,
                  const WorkerIdentity& identity, const std::function<void(const ResultMessage&)>& emit,
                  const TileObserver& observe = {});

/// A result of the tile that says nothing yet.
ResultMessage empty_result(const TileTask& task, const TaskTile& tile, const WorkerIdentity& identity);

/// What the numerics need of a tile over the frames of the task.
TileInput tile_input(const TileTask& task, const TaskTile& tile, const RunContext& run,
                     const FrameBand& band);

}  // namespace tilecompile
