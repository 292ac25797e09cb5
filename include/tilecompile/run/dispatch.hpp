#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/base/retry_schedule.hpp"
#include "tilecompile/broker/transport.hpp"
#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/run/diagnostics_collector.hpp"
#include "tilecompile/run/run_directory.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

class ResultsQueueEnd;

/// Thrown when the user asked a run to stop; what is done is kept.
struct Interrupted {
  int signal;
};

/// Takes an accepted result with its verified tile.
using AcceptTile = std::function<void(const ResultMessage&, TileFile)>;

/// What the master needs to hand out tiles and take them back.
struct DispatchJob {
  TileTask task_template;  ///< ids, stage, frame range, metrics, clusters; tiles are filled in
  /// Set for a later round: results of the one before, by tile_id. Tiles without one are not asked for.
  const std::vector<ResultMessage>* first_round = nullptr;
  /// Set for a resumed run: what its journal says of this round, by tile_id; no checksum where it is silent.
  const std::vector<ResultMessage>* journalled = nullptr;
  const Grid* grid = nullptr;
  int planes = 1;      ///< of a result: channels, or clusters times channels
  int batch = 0;       ///< tiles a task; 0: a row of tiles, or less of it as the two next say
  int most_tiles = 0;  ///< 0: no limit
  std::function<Box(const Box&)> region;  ///< what a worker reads at once for a tile; empty: the row
  std::string isolation = "run";
  bool quorum = false;
  /// Set when more rounds follow: takes the end of the results queue; null: it ends with the round.
  std::optional<ResultsQueueEnd>* results_end = nullptr;
  RetryPolicy retry;
  int max_failed_tiles = 0;                            ///< more end the run
  double stall_after_s = 30;                           ///< silence after which lost tasks are looked for
  std::function<TileFile(const ResultMessage&)> load;  ///< loads and checks a result's object; empty: a tile
  DiagnosticsCollector* diagnostics = nullptr;         ///< null: none are wanted
  std::function<void(int)> taken_over;  ///< called once with the tiles taken over from `journalled`
  std::function<void(int)> progress;    ///< tiles done
  std::function<void()> watch;          ///< called now and then while waiting; may throw
  std::function<void()> check_stop;     ///< called often; throws when the run is to end

  /// Tiles that have no result of the first round, so that the second has nothing to ask for.
  int tiles_without_first_round() const;
};

/// Throws the error that a failed tile means, with `text`.
[[noreturn]] void throw_failure(const TileFailure& failure, const std::string& text);

/// Tasks of the tiles that are `wanted`, in ascending tile_id, `batch` tiles each.
std::vector<TileTask> make_tasks(
    const DispatchJob& job, const std::function<bool(int)>& wanted = [](int) { return true; });

/// Publishes the tasks and collects one verified result a tile: checksum and shape of the stored object are
/// checked, duplicates are dropped, every accepted result is journalled before it is acknowledged.
/// `accept(result, file)` is called in order of arrival, for a resumed run first for the tiles of the journal
/// that still hold, in ascending tile_id. A tile that fails for good stays without a result; more of them
/// than `max_failed_tiles` throw the last one's error. Tasks that got lost are published again. Throws
/// ContractError for an impossible state of a worker and when a duplicate has another checksum, and what
/// check_stop throws.
TileLedger dispatch_tiles(const DispatchJob& job, Transport& transport, ObjectStore& store,
                          RunDirectory& directory, const AcceptTile& accept);

/// Loads the tile of an accepted result and checks checksum, box and number of planes. Throws InputError
/// naming the tile.
TileFile load_tile(ObjectStore& store, const ResultMessage& result, const Box& box, int planes);

}  // namespace tilecompile
