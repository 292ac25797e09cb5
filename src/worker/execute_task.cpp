#include "tilecompile/worker/execute_task.hpp"

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "execute_part.hpp"
#include "tilecompile/base/error_report.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/night/stored_tile.hpp"
#include "tilecompile/protocol/any_task.hpp"
#include "tilecompile/tile/synthetic_tile.hpp"

namespace tilecompile {
namespace {

void check_box(const TaskTile& tile, const Manifest& manifest) {
  if (!Box{0, 0, manifest.width(), manifest.height()}.contains(tile.box))
    throw InputError("tile " + std::to_string(tile.tile_id) + " of the task leaves the image of " +
                     std::to_string(manifest.width()) + " x " + std::to_string(manifest.height()) + " px");
}

// The object of a first-round tile, computed once more. `found`: digest of what is stored now.
std::string first_round_again(const TileTask& task, const TaskTile& tile, const TileInput& input,
                              ObjectStore& store, const std::string& found) {
  std::string bytes = encode_tile_file(tile_file(task, tile, std::move(compute_tile(input).channels), true));
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

using Clock = std::chrono::steady_clock;

// A tile, or a piece of one, under way: what is left to do is to store it and to answer.
struct TileUnderWay {
  const TaskTile* tile = nullptr;
  ResultMessage message;
  Clock::time_point began = Clock::now();
  std::optional<TileFailure> failure{};
  std::function<void(ResultMessage&)> store{};
  std::future<void> stored{};  ///< of a tile that is stored by another thread
};

// Everything but storing a tile; pieces and what frames give are stored at once.
void compute(const TileTask& task, RunContexts& runs, ObjectStore& store, const TileObserver& observe,
             TileUnderWay& way) {
  const TaskTile& tile = *way.tile;
  const auto run = runs.get(task);
  if (of_frames(task.work)) return execute_frame_item(task, tile, *run, store, way.message);
  check_box(tile, *run->manifest);
  if (task.work != TaskWork::kTile) return execute_part(task, tile, *run, store, way.message);
  auto planes = std::make_shared<std::vector<TileChannel>>(compute_planes(task, tile, *run, store, observe));
  way.store = [&task, &tile, &store, planes, tables = run->metrics.frame_tables](ResultMessage& message) {
    store_tile(task, tile, std::move(*planes), tables, store, message);
  };
}

// Whatever goes wrong with a tile is its answer, also what the library or the system throws.
std::optional<TileFailure> failure_of(const std::function<void()>& work) {
  try {
    work();
    return std::nullopt;
  } catch (const std::exception& e) {
    ErrorReport report = report_of(e);
    return TileFailure{report.kind, std::move(report.text)};
  }
}

void log_failure(const TileTask& task, const TaskTile& tile, const TileFailure& failure) {
  const LogFields fields = {
      {"run_id", task.run_id}, {"tile_id", std::to_string(tile.tile_id)}, {"kind", kind_name(failure.kind)}};
  if (of_calibration(task.work) && failure.kind == ErrorKind::kUsage) return log_info(failure.text, fields);
  log_error("tile failed: " + failure.text, fields);
}

void put(TileUnderWay& way) {
  if (way.store && !way.failure) way.failure = failure_of([&] { way.store(way.message); });
  way.message.compute_seconds = std::chrono::duration<double>(Clock::now() - way.began).count();
}

// A small one costs less than a thread.
bool worth_a_thread(const TileUnderWay& way) {
  constexpr std::size_t kLeastArea = std::size_t{64} * 64;
  return way.store && way.tile->box.area() >= kLeastArea;
}

void begin_to_put(TileUnderWay& way) {
  try {
    way.stored = std::async(std::launch::async, [&way] { put(way); });
  } catch (const std::system_error&) {
    put(way);  // the system gives no more threads
  }
}

bool is_stored(const TileUnderWay& way) {
  return !way.stored.valid() || way.stored.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace

TileInput tile_input(const TileTask& task, const TaskTile& tile, const RunContext& run,
                     const FrameBand& band) {
  TileInput input;
  input.box = tile.box;
  input.metrics = &run.metrics;
  input.grid = run.method.tile;
  input.local = run.method.local_metrics;
  input.max_frame_share = run.method.global_metrics.max_frame_share;
  input.reconstruction = run.method.reconstruction;
  for (int f = task.first_frame; f <= task.last_frame; ++f) input.frame_index.push_back(f);
  BoxCutouts cut = band.cutouts(tile.box);
  input.cutouts = std::move(cut.cutouts);
  input.memory = std::make_shared<const std::vector<SampleBlock>>(std::move(cut.memory));
  return input;
}

ResultMessage empty_result(const TileTask& task, const TaskTile& tile, const WorkerIdentity& identity) {
  ResultMessage message;
  message.correlation_id = task.correlation_id;
  message.run_id = task.run_id;
  message.tile_id = tile.tile_id;
  message.worker_id = identity.worker_id;
  message.attempt = identity.attempt;
  message.part = part_of(task);
  return message;
}

void execute_tiles(const TileTask& task, RunContexts& runs, ObjectStore& store,
                   const WorkerIdentity& identity, const std::function<void(const ResultMessage&)>& emit,
                   const TileObserver& observe, const std::function<bool(const TaskTile&)>& go_on,
                   bool side_by_side) {
  std::unique_ptr<TileUnderWay> before;  // is stored while the next tile is computed
  const auto answer = [&](std::unique_ptr<TileUnderWay>& way) {
    if (!way) return;
    if (way->stored.valid()) way->stored.get();
    if (way->failure) {
      log_failure(task, *way->tile, *way->failure);
      const double seconds = way->message.compute_seconds;
      way->message = empty_result(task, *way->tile, identity);
      way->message.failure = way->failure;
      way->message.compute_seconds = seconds;
    }
    emit(std::exchange(way, nullptr)->message);
  };
  for (const TaskTile& tile : task.tiles) {
    if (before && is_stored(*before)) answer(before);
    if (!go_on(tile)) break;
    auto way = std::make_unique<TileUnderWay>(TileUnderWay{&tile, empty_result(task, tile, identity)});
    way->failure = failure_of([&] { compute(task, runs, store, observe, *way); });
    answer(before);
    before = std::move(way);
    if (side_by_side && worth_a_thread(*before) && &tile != &task.tiles.back())
      begin_to_put(*before);
    else
      put(*before);
  }
  answer(before);
}

void execute_task(std::string_view task_bytes, RunContexts& runs, ObjectStore& store,
                  const WorkerIdentity& identity, const std::function<void(const ResultMessage&)>& emit,
                  const TileObserver& observe) {
  execute_tiles(decode_any_task(task_bytes), runs, store, identity, emit, observe);
}

}  // namespace tilecompile
