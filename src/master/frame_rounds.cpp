#include "tilecompile/master/frame_rounds.hpp"

#include <algorithm>
#include <limits>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/coadd/scatter_stack.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {
namespace {

constexpr int kMostFramesATask = 8, kTasksWanted = 100;
constexpr double kPatience_s = 10;  // what a frame takes is short beside a task of tiles

/// Keeps the result of every item.
class ItemObserver : public RoundObserver {
 public:
  ItemObserver(Observer& outer, std::size_t items, bool tells)
      : results(items), outer_(outer), tells_(tells) {}
  void accept(const ResultMessage& result, TileFile /*none*/) override {
    results[static_cast<std::size_t>(result.tile_id)] = result;
  }
  void revoke(int item) override { results[static_cast<std::size_t>(item)] = {}; }
  void progress(int done) override {
    if (tells_) outer_.progress(done);
  }
  void watch() override { outer_.watch(); }
  void check_stop() override { outer_.check_stop(); }

  std::vector<ResultMessage> results;  // [item]; without data_ref: no worker could

 private:
  Observer& outer_;
  const bool tells_;
};

template <class T>
void put_rows(Plane<T>& image, const Plane<T>& rows, int y0) {
  std::copy(rows.data(), rows.data() + rows.size(), image.row(y0));
}

// Empty planes for the stack that the bands make.
void begin_stack(Analysis& analysis, const Manifest& manifest) {
  const auto channels = static_cast<std::size_t>(manifest.channels());
  const int w = manifest.width(), h = manifest.height();
  analysis.classical.assign(channels, Plane<float>(w, h));
  analysis.coverage.assign(channels, Plane<std::int32_t>(w, h));
  analysis.extremes.assign(channels, RowExtremes(h));
}

}  // namespace

// `read` throws InputError for an object that is not the piece; `unreadable` says what becomes of an item
// that the master cannot make either.
void FrameRounds::carry_out(const TileTask& task, const TakePiece& read,
                            const std::function<void(int, const InputError&)>& unreadable) {
  const TaskWork work = task.work;
  const Manifest& manifest = job_.frames.manifest();
  const int frames = static_cast<int>(manifest.frames.size());
  Grid items;
  items.tiles = frame_items(work, manifest.width(), manifest.height(), frames);
  TileRound round = job_.round;
  round.grid = &items;
  round.task_template = task;
  round.batch = of_bands(work) ? 1 : std::clamp(frames / kTasksWanted, 1, kMostFramesATask);
  round.max_failed_tiles = std::numeric_limits<int>::max();
  round.stall_after_s = kPatience_s;
  round.threads = 1;  // what is read goes to one place
  const auto item_of = [&](int id) { return TaskTile{id, items.tiles[static_cast<std::size_t>(id)]}; };
  round.check_piece = [&](const ResultMessage& result, std::string_view object) {
    if (result.data_ref != frame_piece_key(round.task_template, result.tile_id))
      throw InputError("the result names the object " + result.data_ref + " of another piece or run");
    read(item_of(result.tile_id), object);
  };
  std::vector<ResultMessage> journalled(items.tiles.size());
  for (std::size_t i = 0; i < journalled.size(); ++i) {
    const auto known = job_.journalled.find(frame_piece_key(round.task_template, static_cast<int>(i)));
    if (known != job_.journalled.end()) journalled[i] = known->second;
  }
  round.journalled = job_.journalled.empty() ? nullptr : &journalled;
  ItemObserver observer(job_.observer, items.tiles.size(), !of_bands(work));
  dispatch_tiles(round, job_.place, observer);
  std::optional<PassState> whole;  // with its planes, for the master's own work
  for (const ResultMessage& result : observer.results) {
    job_.observer.check_stop();
    const TaskTile item = item_of(static_cast<int>(&result - observer.results.data()));
    if (!result.data_ref.empty()) {
      read(item, fetch_checked(job_.place.store, result.data_ref, result.data_checksum,
                               "what was found in a frame"));
      continue;
    }
    if (!whole)
      whole = work == TaskWork::kAnalyse
                  ? PassState{}
                  : fetch_pass_state(job_.place.store, round.task_template.metrics, manifest);
    try {
      read(item, make_frame_piece(round.task_template, item, {job_.frames, job_.method, *whole}));
    } catch (const InputError& e) {
      unreadable(item.tile_id, e);
    }
  }
}

// The template of the round's tasks is what its pieces are read by.
TileTask FrameRounds::task_of(TaskWork work, const PassState& state) const {
  TileTask task = job_.round.task_template;
  task.work = work;
  task.last_frame = static_cast<int>(job_.frames.manifest().frames.size()) - 1;
  if (work != TaskWork::kAnalyse) task.metrics = share_pass_state(job_.place.store, task.run_id, state);
  return task;
}

std::vector<FrameLook> FrameRounds::look(Analysis& analysis) {
  const Manifest& manifest = job_.frames.manifest();
  const TileTask task = task_of(TaskWork::kAnalyse, {});
  std::vector<FrameLook> looks(manifest.frames.size());
  bool all_read = true;
  carry_out(
      task,
      [&](const TaskTile& item, std::string_view object) {
        looks[static_cast<std::size_t>(item.tile_id)] = read_look(object, task, item.tile_id, manifest);
      },
      [&](int frame, const InputError& why) {
        looks[static_cast<std::size_t>(frame)].unreadable = why.what();
        all_read = false;
      });
  for (std::size_t f = 0; f < looks.size(); ++f)
    for (std::size_t c = 0; c < looks[f].channels.size(); ++c)
      analysis.metrics.channels[c][f] = looks[f].channels[c];
  if (!all_read) return looks;
  PassState state;
  state.analysis.metrics = analysis.metrics;
  stack(analysis, state, TaskWork::kStack);
  return looks;
}

std::vector<StarLook> FrameRounds::look_at_stars(Analysis& analysis, const StarPass& pass,
                                                 const LookAgain& again) {
  const Manifest& manifest = job_.frames.manifest();
  PassState state;
  state.analysis.metrics = analysis.metrics;
  state.stars = pass;
  state.planes = share_planes(job_.place.store, job_.round.task_template.run_id, analysis);
  const TileTask task = task_of(TaskWork::kStars, state);
  std::vector<StarLook> looks(manifest.frames.size());
  carry_out(
      task,
      [&](const TaskTile& item, std::string_view object) {
        looks[static_cast<std::size_t>(item.tile_id)] = read_star_look(object, task, item.tile_id, manifest);
      },
      [](int, const InputError& why) { throw why; });
  for (std::size_t f = 0; f < looks.size(); ++f)
    for (std::size_t c = 0; c < looks[f].channels.size(); ++c)
      analysis.metrics.channels[c][f] = looks[f].channels[c];
  if (again(looks)) return looks;
  state.analysis.metrics = analysis.metrics;
  state.stars = {};
  stack(analysis, state, TaskWork::kScatter);
  return looks;
}

void FrameRounds::stack(Analysis& analysis, const PassState& state, TaskWork work) {
  const Manifest& manifest = job_.frames.manifest();
  const TileTask task = task_of(work, state);
  const bool with_mean = work == TaskWork::kStack || is_photometric(job_.method);
  const bool with_scatter = work == TaskWork::kScatter;
  const auto channels = static_cast<std::size_t>(manifest.channels());
  Analysis made;
  if (with_mean) begin_stack(made, manifest);
  std::vector<Plane<double>> squares(with_scatter ? channels : 0,
                                     Plane<double>(manifest.width(), manifest.height()));
  carry_out(
      task,
      [&](const TaskTile& item, std::string_view object) {
        const BandStack band = read_band(object, task, item, manifest, with_mean);
        for (std::size_t c = 0; c < channels; ++c) {
          if (with_scatter) put_rows(squares[c], band[c].squares, item.box.y0);
          if (!with_mean) continue;
          put_rows(made.classical[c], band[c].mean, item.box.y0);
          put_rows(made.coverage[c], band[c].coverage, item.box.y0);
          made.extremes[c].take(item.box.y0 / RowExtremes::kRows, band[c].extremes);
        }
      },
      [](int, const InputError& why) { throw why; });
  if (with_scatter) {
    analysis.variance.clear();
    for (std::size_t c = 0; c < channels; ++c) {
      std::vector<double> noise;
      for (const FrameChannel& frame : analysis.metrics.channels[c]) noise.push_back(frame.noise);
      analysis.variance.push_back(
          scatter_variance(std::move(squares[c]), analysis.coverage[c], median(std::move(noise))));
    }
  }
  if (!with_mean) return;
  analysis.classical = std::move(made.classical);
  analysis.coverage = std::move(made.coverage);
  analysis.extremes = std::move(made.extremes);
}

}  // namespace tilecompile
