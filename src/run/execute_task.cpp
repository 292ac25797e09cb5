#include "tilecompile/run/execute_task.hpp"

#include <chrono>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/tile_file.hpp"

namespace tilecompile {
namespace {

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

TileFile tile_file(const TileTask& task, const TaskTile& tile, TileResult result) {
  TileFile file;
  file.tile_id = tile.tile_id;
  file.box = tile.box;
  file.run_id = task.run_id;
  file.config_hash = task.config_hash;
  file.frames_manifest_id = task.frames_manifest_id;
  for (TileChannel& channel : result.channels) {
    file.pixels.push_back(std::move(channel.pixels));
    file.coverage.push_back(std::move(channel.coverage));
    file.weight.push_back(std::move(channel.weight));
    file.quality.push_back(std::move(channel.quality));
    file.frame_weight.push_back(std::move(channel.frame_weight));
  }
  return file;
}

void check_box(const TaskTile& tile, const Manifest& manifest) {
  if (!Box{0, 0, manifest.width(), manifest.height()}.contains(tile.box))
    throw InputError("tile " + std::to_string(tile.tile_id) + " of the task leaves the image of " +
                     std::to_string(manifest.width()) + " x " + std::to_string(manifest.height()) + " px");
}

void execute_tile(const TileTask& task, const TaskTile& tile, RunContexts& runs, ObjectStore& store,
                  ResultMessage& message) {
  const auto run = runs.get(task);
  check_box(tile, *run->manifest);
  const auto band = run->bands->get(tile.box, task.first_frame, task.last_frame);
  TileResult result = compute_tile(tile_input(task, tile, *run, *band));
  message.data_shape = {tile.box.h, tile.box.w};
  if (result.channels.size() == 3) message.data_shape.insert(message.data_shape.begin(), 3);
  for (const TileChannel& channel : result.channels) {
    message.sum_weights.push_back(channel.sum_weights);
    message.tile_median.push_back(channel.median);
    message.tile_background.push_back(channel.background);
    message.fallback_used |= channel.fallback_used;
  }
  const std::string bytes = encode_tile_file(tile_file(task, tile, std::move(result)));
  message.data_ref = tile_key(task.run_id, tile.tile_id);
  message.data_checksum = sha256_hex(bytes);
  store.put(message.data_ref, bytes);
}

}  // namespace

void execute_task(std::string_view task_bytes, RunContexts& runs, ObjectStore& store,
                  const WorkerIdentity& identity, const std::function<void(const ResultMessage&)>& emit) {
  const TileTask task = decode_task(task_bytes);
  for (const TaskTile& tile : task.tiles) {
    ResultMessage message;
    const auto began = std::chrono::steady_clock::now();
    const auto start_message = [&] {
      message = {};
      message.correlation_id = task.correlation_id;
      message.run_id = task.run_id;
      message.tile_id = tile.tile_id;
      message.worker_id = identity.worker_id;
      message.attempt = identity.attempt;
    };
    start_message();
    try {
      execute_tile(task, tile, runs, store, message);
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
