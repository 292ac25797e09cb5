#include "tilecompile/review/recompute_tile.hpp"

#include <fstream>
#include <optional>

#include "run_place.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/report/compare_images.hpp"
#include "tilecompile/storage/memory_store.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/worker/execute_task.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

// The task that made the tile, with everything it refers to in `store`.
TileTask task_of(const RecomputeRequest& request, const RunPlace& place, ObjectStore& store) {
  const std::string& run = place.run_id;
  TileTask task = rebuild_task(request.folders.run_dir, place, {request.tile_id}, store);
  if (!request.synthetic) return task;
  task.clusters = ObjectReference{
      clusters_key(run), share_file(request.folders.run_dir / "clusters.json", clusters_key(run), store)};
  TaskTile& tile = task.tiles.front();
  tile.data_ref = tile_key(run, request.tile_id);
  const auto first = stored_tile(place, tile.data_ref);
  if (!first) throw InputError("the tile of the first round is not stored in " + place.tiles_name());
  tile.data_checksum = sha256_hex(*first);
  store.put(tile.data_ref, *first);
  return task;
}

// Checksum that the journal notes for the object; empty when it notes none.
std::string journal_checksum(const fs::path& run_dir, const std::string& key) {
  std::ifstream journal(run_dir / "journal.jsonl");
  std::string found;
  for (std::string line; std::getline(journal, line);) {
    try {
      const ResultMessage result = decode_result(line);
      if (result.data_ref == key) found = result.data_checksum;
    } catch (const InputError&) {
      // A crash can leave half a line.
    }
  }
  return found;
}

std::string describe_tiles(const std::string& found, const std::string& stored) {
  const TileFile a = decode_tile_file(stored), b = decode_tile_file(found);
  const ImageDifference pixels = compare_images(a.pixels, b.pixels);
  if (!pixels.equal) return "stored (first) and computed tile: " + describe_difference(pixels);
  const ImageDifference weights = compare_images(a.weight, b.weight);
  if (!weights.equal) return "equal pixels; sums of weights: " + describe_difference(weights);
  return "equal pixels and sums of weights; coverage, quality or header differ";
}

}  // namespace

RecomputedTile recompute_tile(const RecomputeRequest& request) {
  const RunPlace place = find_run(request.folders);
  const auto store = open_memory_store();
  const TileTask task = task_of(request, place, *store);
  const std::string key = request.synthetic ? synthetic_tile_key(place.run_id, request.tile_id)
                                            : tile_key(place.run_id, request.tile_id);
  RunContexts runs(*store, place.frames, memory_limit_bytes({}), 1, std::make_shared<VerifiedFiles>());
  ResultMessage result;
  execute_task(encode_task(task), runs, *store, {"here", 1}, [&](const ResultMessage& r) { result = r; });
  if (result.failure)
    throw_failure(*result.failure, "tile " + std::to_string(request.tile_id) + " of run " + place.run_id +
                                       " fails: " + result.failure->text);
  RecomputedTile outcome;
  outcome.checksum = result.data_checksum;
  const std::string journal = journal_checksum(request.folders.run_dir, key);
  const auto stored = stored_tile(place, key);
  if (!stored && journal.empty())
    throw InputError("the tile was computed (SHA-256 " + outcome.checksum + ") but the run stored none in " +
                     place.tiles_name() + " to compare with; name its storage with --storage-root");
  outcome.stored_checksum = stored ? sha256_hex(*stored) : journal;
  outcome.equal = outcome.checksum == outcome.stored_checksum;
  if (!outcome.equal && stored) outcome.text = describe_tiles(store->get(key), *stored);
  if (stored && !journal.empty() && journal != outcome.stored_checksum)
    outcome.text += (outcome.text.empty() ? "" : "; ") + std::string("the journal notes ") + journal +
                    ": the stored tile was replaced after the run accepted it";
  return outcome;
}

}  // namespace tilecompile
