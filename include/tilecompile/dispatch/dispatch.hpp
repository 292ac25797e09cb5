#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/base/retry_schedule.hpp"
#include "tilecompile/broker/transport.hpp"
#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/coadd/trust_book.hpp"
#include "tilecompile/dispatch/diagnostics_collector.hpp"
#include "tilecompile/dispatch/own_tiles.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/dispatch/worker_book.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/night/frame_bands.hpp"
#include "tilecompile/passes/analysis.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/tile/grid.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

class ResultsQueueEnd;

/// Keeps what was read of a piece.
using KeepPiece = std::function<void()>;

/// What a round asks of the workers: the template of its tasks, how tiles are cut into them, and what may
/// fail.
struct TileRound {
  TileTask task_template;  ///< ids, stage, frame range, metrics, clusters; tiles are filled in
  const Grid* grid = nullptr;
  int threads = 1;  ///< that answers are decoded and checked on
  int planes = 1;   ///< of a result: channels, or clusters times channels
  /// Set for a later round: results of the one before, by tile_id. Tiles without one are not asked for.
  const std::vector<ResultMessage>* first_round = nullptr;
  /// Set for a resumed run: what its journal says of this round, by tile_id; no checksum where it is silent.
  const std::vector<ResultMessage>* journalled = nullptr;

  /// Of a round over frames or bands: reads the object of an item, and returns what keeps it, which is called
  /// when the result is accepted. Throws InputError when it is not the piece that was asked for. From several
  /// threads.
  std::function<KeepPiece(const ResultMessage&, std::string_view object)> read_piece{};
  std::size_t piece_bytes = 0;  ///< of an item of such a round, as object and as it is read

  /// What the master knows of the frames: tiles of others are held against it. Null: by this process itself,
  /// there is nothing to distrust.
  const Analysis* analysis = nullptr;
  int frame_chunk = 64;       ///< of the canonical sums
  bool levels_skies = false;  ///< pixels may leave the range of the frames by what skies are shifted
  bool rejects = false;       ///< what a single frame alone shows is left out of the tiles
  double audit_percent = 0;   ///< of the tiles, that the master computes too; 100: all
  std::string audit_key;      ///< which ones, is a keyed hash that no worker can foresee
  double lease_factor = 0;    ///< a task out for longer than this times the median is sent again; 0: never

  int batch = 0;       ///< tiles a task; 0: a row of tiles, or less of it as the two next say
  int most_tiles = 0;  ///< 0: no limit
  std::optional<BandCache::Shape> bands{};  ///< what a worker reads at once for a tile; empty: the row

  Isolation isolation = Isolation::kRun;
  bool quorum = false;
  BrokerRoles roles = BrokerRoles::kNone;  ///< whose results count
  int priority = 0;                        ///< of the tasks, among those of other runs
  RetryPolicy retry;
  int input_tries = TileLedger::kInputTries;  ///< at a tile whose input is said to be wrong
  int max_failed_tiles = 0;                   ///< more end the run
  bool others_done = false;   ///< tiles that are not asked for are done: that all others fail ends no run
  double stall_after_s = 30;  ///< silence after which lost tasks are looked for
};

/// Hears of a round while it goes on, and may end it. Its pieces are tiles.
class RoundObserver : public Observer {
 public:
  /// A result was accepted and journalled; `file` is its verified tile, empty for a piece of a tile
  /// and, where there is no own computation, for one of the second round.
  virtual void accept(const ResultMessage& result, TileFile file) = 0;
  /// What was accepted of the tile is not believed any more; another result will be accepted.
  virtual void revoke(int /*tile_id*/) {}
  /// Called once with the tiles taken over from the journal.
  virtual void taken_over(int /*tiles*/) {}
};

/// Where a round is carried out.
struct RoundPlace {
  Transport& transport;
  ObjectStore& store;
  RunDirectory& directory;
  DiagnosticsCollector* diagnostics = nullptr;  ///< null: none are wanted
  /// Set when more rounds follow: takes the end of the results queue; null: it ends with the round.
  std::optional<ResultsQueueEnd>* results_end = nullptr;
  /// Set when it outlives the round; null: the round keeps one of its own.
  WorkerBook* workers = nullptr;  ///< what workers did, and what is said of it
  OwnTiles* own = nullptr;        ///< the master's own computation, which settles contradictions; null: none
  TrustBook* trust = nullptr;     ///< which workers are believed; null: the round keeps its own
};

/// Tasks of all tiles of the round, in ascending tile_id.
std::vector<TileTask> make_tasks(const TileRound& round);
/// The same for the open tiles of the ledger; only those with the same attempt, wait and care share a task,
/// and a tile that is to be computed alone has one of its own.
std::vector<TileTask> make_tasks(const TileRound& round, const TileLedger& ledger);

/// The task of one tile, without a correlation id of its own.
TileTask make_task(const TileRound& round, int tile_id);

/// Publishes the tasks and collects one verified result a tile: checksum and shape of the stored object are
/// checked (in the second round only beside an own computation), duplicates are dropped, every accepted
/// result is journalled before it is acknowledged. The observer accepts results in order of arrival, for a
/// resumed run first the tiles of the journal that still hold, in ascending tile_id. A tile that fails for
/// good is put on tile.dlq and stays without a result; more of them than `max_failed_tiles` throw the last
/// one's error. Tasks that got lost are published again. A duplicate with another checksum is settled by the
/// master's own computation. Throws ContractError for an impossible state of a worker, and for such a
/// duplicate where there is no own computation; and what the observer throws.
TileLedger dispatch_tiles(const TileRound& round, const RoundPlace& place, RoundObserver& observer);

}  // namespace tilecompile
