#include "execute_part.hpp"

#include "tilecompile/base/sha256.hpp"
#include "tilecompile/survey/frame_pieces.hpp"
#include "tilecompile/tile/tile_parts.hpp"
#include "tilecompile/worker/execute_task.hpp"

namespace tilecompile {
namespace {

TileWeights fetch_weights(const TileTask& task, const TaskTile& tile, const TileInput& input,
                          ObjectStore& store) {
  TileWeights weights = decode_tile_weights(fetch_checked(store, tile.data_ref, tile.data_checksum,
                                                          "weights of tile " + std::to_string(tile.tile_id)));
  const bool with_mean = task.work == TaskWork::kSum;
  const bool fits = weights.mean.empty() != with_mean &&
                    (!with_mean || (weights.mean.front().width() == tile.box.w &&
                                    weights.mean.front().height() == sampled_rows(tile.box.h))) &&
                    weights.frame_weight.size() == input.metrics->channels.size() &&
                    static_cast<int>(weights.frame_weight.front().size()) == input.metrics->frame_count();
  if (!fits || weights.tile_id != tile.tile_id)
    throw InputError("the weights " + tile.data_ref + " of tile " + std::to_string(tile.tile_id) +
                     " are of another tile, run or round than the task");
  return weights;
}

// Frames of calibration need not be where this worker looks, or can be others: then it is not a worker for
// them, and they are not bad.
std::string piece_of(const TileTask& task, const TaskTile& item, const RunContext& run) {
  const PieceSource source{*run.frames, run.method, *run.pass};
  if (!of_calibration(task.work)) return make_frame_piece(task, item, source);
  try {
    return make_frame_piece(task, item, source);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kInput && e.kind() != ErrorKind::kTransient) throw;
    throw UsageError(std::string("the frames of calibration cannot be read here: ") + e.what());
  }
}

}  // namespace

void execute_part(const TileTask& task, const TaskTile& tile, const RunContext& run, ObjectStore& store,
                  ResultMessage& message) {
  const auto band = run.bands->get(run.frames, tile.box, task.first_frame, task.last_frame);
  const TileInput input = tile_input(task, tile, run, *band);
  const std::string bytes =
      task.work == TaskWork::kMeasure
          ? encode_metrics_part(measure_tile(input, tile.tile_id))
          : encode_sums_part(sum_tile(input, fetch_weights(task, tile, input, store), tile.tile_id));
  message.data_ref = tile_part_key(task, tile.tile_id);
  message.data_checksum = sha256_hex(bytes);
  store.put(message.data_ref, bytes);
}

void execute_frame_item(const TileTask& task, TaskTile item, const RunContext& run, ObjectStore& store,
                        ResultMessage& message) {
  const Manifest& manifest = *run.manifest;
  item.box.w = manifest.width();
  const bool exists = of_bands(task.work)
                          ? item.box.h > 0 && item.box.y0 % band_rows(manifest.height()) == 0 &&
                                item.box.y1() <= manifest.height()
                          : item.tile_id < static_cast<int>(manifest.frames.size());
  if (!exists)
    throw InputError("the task asks for frame or band " + std::to_string(item.tile_id) +
                     ", which the manifest of its run does not have");
  const std::string bytes = piece_of(task, item, run);
  message.data_ref = frame_piece_key(task, item.tile_id);
  message.data_checksum = sha256_hex(bytes);
  store.put(message.data_ref, bytes);
}

}  // namespace tilecompile
