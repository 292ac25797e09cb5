#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/run/diagnostics_collector.hpp"
#include "tilecompile/run/run_directory.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// Thrown when the user asked a run to stop; what is done is kept.
struct Interrupted {
  int signal;
};

/// Takes an accepted result with its verified tile (empty without load_tiles).
using AcceptTile = std::function<void(const ResultMessage&, TileFile)>;

/// What the master needs to hand out tiles and take them back.
struct DispatchJob {
  TileTask task_template;  ///< ids, stage, frame range, metrics, clusters; tiles are filled in
  const std::vector<ResultMessage>* first_round =
      nullptr;  ///< set for the second round: its tiles, by tile_id
  const Grid* grid = nullptr;
  int planes = 1;  ///< of a result: channels, or clusters times channels
  int batch = 0;   ///< tiles a task; 0: a row of tiles
  std::string isolation = "run";
  bool quorum = false;
  bool load_tiles =
      true;  ///< false: whoever takes the results loads and checks the tiles later, with load_tile
  DiagnosticsCollector* diagnostics = nullptr;  ///< null: none are wanted
  std::function<void(int)> progress;            ///< tiles done
  std::function<void()> watch;                  ///< called now and then while waiting; may throw
  std::function<void()> check_stop;             ///< called often; throws when the run is to end
};

/// Throws the error that a failed tile means, with `text`.
[[noreturn]] void throw_failure(const TileFailure& failure, const std::string& text);

/// Tasks of all tiles in ascending tile_id, `batch` tiles each.
std::vector<TileTask> make_tasks(const DispatchJob& job);

/// Publishes the tasks and collects one verified result a tile: checksum and shape of the stored object are
/// checked, duplicates are dropped, every accepted result is journalled before it is acknowledged.
/// `accept(result, file)` is called in order of arrival. Throws the error of a failed tile, ContractError
/// when a duplicate has another checksum, what check_stop throws.
TileLedger dispatch_tiles(const DispatchJob& job, Transport& transport, ObjectStore& store,
                          RunDirectory& directory, const AcceptTile& accept);

/// Loads the tile of an accepted result and checks checksum, box and number of planes. Throws InputError
/// naming the tile.
TileFile load_tile(ObjectStore& store, const ResultMessage& result, const Box& box, int planes);

}  // namespace tilecompile
