#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "tilecompile/run/run_contexts.hpp"
#include "tilecompile/tile/compute_tile.hpp"
#include "tilecompile/tile/result.hpp"

namespace tilecompile {

/// What a worker knows besides the task: it travels beside a result, never in it.
struct WorkerIdentity {
  std::string worker_id;
  int attempt = 1;
};

/// Hears of every tile that was reconstructed, before it is stored; must not throw.
using TileObserver =
    std::function<void(const TileTask&, const TaskTile&, const TileInput&, const TileResult&)>;

/// Task bytes in, result bytes out: decodes the task, reconstructs its tiles, stores them, and hands every
/// tile's result message to `emit` in the order of the task. A tile that fails is a result with an error;
/// so is an impossible state (kind `contract`). `observe` may be empty. Before every tile `go_on` is asked;
/// false leaves the rest of the task undone. Throws InputError when the task itself cannot be read, so that
/// no run is known to answer to.
void execute_task(
    std::string_view task_bytes, RunContexts& runs, ObjectStore& store, const WorkerIdentity& identity,
    const std::function<void(const ResultMessage&)>& emit, const TileObserver& observe = {},
    const std::function<bool()>& go_on = [] { return true; });

}  // namespace tilecompile
