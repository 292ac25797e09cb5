#include "tilecompile/run/execute_task.hpp"

#include <chrono>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/run/execute_part.hpp"
#include "tilecompile/tile/synthetic_tile.hpp"

namespace tilecompile {
namespace {

TileFile tile_file(const TileTask& task, const TaskTile& tile, std::vector<TileChannel> planes) {
  TileFile file;
  file.tile_id = tile.tile_id;
  file.box = tile.box;
  file.run_id = task.run_id;
  file.config_hash = task.config_hash;
  file.frames_manifest_id = task.frames_manifest_id;
  for (TileChannel& channel : planes) {
    file.pixels.push_back(std::move(channel.pixels));
    file.coverage.push_back(std::move(channel.coverage));
    file.weight.push_back(std::move(channel.weight));
    file.variance.push_back(std::move(channel.variance));
    file.effective_frames.push_back(std::move(channel.effective_frames));
    file.quality.push_back(std::move(channel.quality));
    file.rejected_low.push_back(std::move(channel.rejected_low));
    file.rejected_high.push_back(std::move(channel.rejected_high));
    file.frame_weight.push_back(std::move(channel.frame_weight));
  }
  return file;
}

void check_box(const TaskTile& tile, const Manifest& manifest) {
  if (!Box{0, 0, manifest.width(), manifest.height()}.contains(tile.box))
    throw InputError("tile " + std::to_string(tile.tile_id) + " of the task leaves the image of " +
                     std::to_string(manifest.width()) + " x " + std::to_string(manifest.height()) + " px");
}

// The object of a first-round tile, computed once more. `found`: digest of what is stored now.
std::string first_round_again(const TileTask& task, const TaskTile& tile, const TileInput& input,
                              ObjectStore& store, const std::string& found) {
  std::string bytes = encode_tile_file(tile_file(task, tile, std::move(compute_tile(input).channels)));
  if (sha256_hex(bytes) != tile.data_checksum)
    throw InputError("the tile " + tile.data_ref + " of the first round has SHA-256 " + found +
                     ", the task says " + tile.data_checksum +
                     ", and computing it again does not give that either; resume the run");
  store.put(tile_key(task.run_id, tile.tile_id), bytes);
  log_warning("a damaged tile of the first round was computed again",
              {{"tile_data_ref", tile.data_ref}, {"found", found}, {"expected", tile.data_checksum}});
  return bytes;
}

// The weights of the second round: those that the first round found for this tile, or G alone.
std::vector<std::vector<double>> second_round_weights(const TileTask& task, const TaskTile& tile,
                                                      const TileInput& input, const RunContext& run,
                                                      ObjectStore& store) {
  std::vector<std::vector<double>> weights;
  if (run.method.synthetic.weighting == SyntheticParams::Weighting::kGlobal) {
    for (const auto& frames : run.metrics.channels) {
      weights.emplace_back();
      for (int f = task.first_frame; f <= task.last_frame; ++f)
        weights.back().push_back(frames[static_cast<std::size_t>(f)].weight);
    }
    return weights;
  }
  std::string bytes = store.get(tile.data_ref);
  if (const std::string found = sha256_hex(bytes); found != tile.data_checksum)
    bytes = first_round_again(task, tile, input, store, found);
  TileFile first = decode_tile_file(bytes);
  if (first.frame_weight.size() != run.metrics.channels.size() ||
      first.frame_weight.front().size() != static_cast<std::size_t>(task.last_frame - task.first_frame + 1))
    throw InputError("the tile " + tile.data_ref +
                     " of the first round has other channels or frames than the task");
  return std::move(first.frame_weight);
}

std::vector<TileChannel> compute_planes(const TileTask& task, const TaskTile& tile, const RunContext& run,
                                        ObjectStore& store, const TileObserver& observe) {
  const auto band = run.bands->get(run.frames, tile.box, task.first_frame, task.last_frame);
  const TileInput input = tile_input(task, tile, run, *band);
  if (!task.clusters) {
    TileResult result = compute_tile(input);
    if (observe) observe(task, tile, input, result);
    return std::move(result.channels);
  }
  return compute_synthetic_tile(input, run.clusters, second_round_weights(task, tile, input, run, store));
}

void execute_tile(const TileTask& task, const TaskTile& tile, RunContexts& runs, ObjectStore& store,
                  ResultMessage& message, const TileObserver& observe) {
  const auto run = runs.get(task);
  check_box(tile, *run->manifest);
  if (task.work != TaskWork::kTile) return execute_part(task, tile, *run, store, message);
  store_tile(task, tile, compute_planes(task, tile, *run, store, observe), store, message);
}

}  // namespace

TileInput tile_input(const TileTask& task, const TaskTile& tile, const RunContext& run,
                     const FrameBand& band) {
  TileInput input;
  input.box = tile.box;
  input.metrics = &run.metrics;
  input.grid = run.method.tile;
  input.local = run.method.local_metrics;
  input.reconstruction = run.method.reconstruction;
  for (int f = task.first_frame; f <= task.last_frame; ++f) input.frame_index.push_back(f);
  input.cutouts.resize(static_cast<std::size_t>(run.manifest->channels()));
  for (std::size_t c = 0; c < input.cutouts.size(); ++c)
    for (int f : input.frame_index) input.cutouts[c].push_back(band.cutout(static_cast<int>(c), f, tile.box));
  return input;
}

void store_tile(const TileTask& task, const TaskTile& tile, std::vector<TileChannel> planes,
                ObjectStore& store, ResultMessage& message) {
  message.data_shape = {tile.box.h, tile.box.w};
  if (planes.size() > 1)
    message.data_shape.insert(message.data_shape.begin(), static_cast<int>(planes.size()));
  for (TileChannel& plane : planes) {
    message.sum_weights.push_back(plane.sum_weights);
    message.tile_median.push_back(plane.median);
    message.tile_background.push_back(plane.background);
    message.fallback_used |= plane.fallback_used;
    if (task.clusters) {  // clusters differ in size; the first round's tile has the numbers of frames
      plane.frame_weight.clear();
      plane.rejected_low.clear();
      plane.rejected_high.clear();
    }
  }
  const std::string bytes = encode_tile_file(tile_file(task, tile, std::move(planes)));
  message.data_ref =
      task.clusters ? synthetic_tile_key(task.run_id, tile.tile_id) : tile_key(task.run_id, tile.tile_id);
  message.data_checksum = sha256_hex(bytes);
  store.put(message.data_ref, bytes);
}

void execute_task(std::string_view task_bytes, RunContexts& runs, ObjectStore& store,
                  const WorkerIdentity& identity, const std::function<void(const ResultMessage&)>& emit,
                  const TileObserver& observe, const std::function<bool()>& go_on) {
  const TileTask task = decode_task(task_bytes);
  for (const TaskTile& tile : task.tiles) {
    if (!go_on()) return;
    ResultMessage message;
    const auto began = std::chrono::steady_clock::now();
    const auto start_message = [&] {
      message = {};
      message.correlation_id = task.correlation_id;
      message.run_id = task.run_id;
      message.tile_id = tile.tile_id;
      message.worker_id = identity.worker_id;
      message.attempt = identity.attempt;
      message.part = part_of(task);
    };
    start_message();
    try {
      execute_tile(task, tile, runs, store, message, observe);
    } catch (const Error& e) {
      log_error(std::string("tile failed: ") + e.what(), {{"run_id", task.run_id},
                                                          {"tile_id", std::to_string(tile.tile_id)},
                                                          {"kind", kind_name(e.kind())}});
      start_message();
      message.failure = TileFailure{e.kind(), e.what()};
    }
    message.compute_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    emit(message);
  }
}

}  // namespace tilecompile
