#include "tilecompile/master/frame_rounds.hpp"

#include <algorithm>
#include <limits>
#include <memory>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/coadd/scatter_stack.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {
namespace {

constexpr int kMostFramesATask = 8, kTasksWanted = 100;
constexpr double kPatience_s = 10;              // what a frame takes is short beside a task of tiles
constexpr std::size_t kBytesOfALook = 1 << 20;  // generously: its surfaces and samples of the sky
constexpr std::size_t kBandBytesAPixel = 48;    // three planes, as object and as they are read

/// Shows how many frames are done; bands are quick.
class ItemObserver : public RoundObserver {
 public:
  ItemObserver(Observer& outer, bool tells) : outer_(outer), tells_(tells) {}
  void accept(const ResultMessage& /*result*/, TileFile /*none*/) override {}
  void progress(int done) override {
    if (tells_) outer_.progress(done);
  }
  void watch() override { outer_.watch(); }
  void check_stop() override { outer_.check_stop(); }

 private:
  Observer& outer_;
  const bool tells_;
};

template <class T>
void put_rows(Plane<T>& image, const Plane<T>& rows, int y0) {
  std::copy(rows.data(), rows.data() + rows.size(), image.row(y0));
}

template <class Look>
KeepPiece keep_at(std::vector<Look>& looks, int frame, Look&& read) {
  return [&looks, frame, look = std::make_shared<Look>(std::move(read))] {
    looks[static_cast<std::size_t>(frame)] = std::move(*look);
  };
}

// Empty planes for the stack that the bands make.
void begin_stack(Analysis& analysis, const Manifest& manifest) {
  const auto channels = static_cast<std::size_t>(manifest.channels());
  const int w = manifest.width(), h = manifest.height();
  analysis.classical.assign(channels, Plane<float>(w, h));
  analysis.coverage.assign(channels, Plane<std::int32_t>(w, h));
  analysis.extremes.assign(channels, RowExtremes(h));
}

bool before_registration(TaskWork work) { return work == TaskWork::kDetect || of_calibration(work); }

}  // namespace

bool FramePieces::forget_distrusted(const TrustBook& workers) {
  const auto doubtful = [&](const auto& piece) { return workers.is_distrusted(piece.second.worker_id); };
  if (std::none_of(used.begin(), used.end(), doubtful)) return false;
  forgot_stars = false;
  for (const auto& piece : used)
    if (doubtful(piece)) {
      known.erase(piece.first);
      forgot_stars = forgot_stars || (piece.second.part && before_registration(piece.second.part->work));
    } else {
      known.insert_or_assign(piece.first, piece.second);
    }
  used.clear();
  return true;
}

bool FramePieces::has_calibration() const {
  return std::any_of(used.begin(), used.end(), [](const auto& piece) {
    return piece.second.part && of_calibration(piece.second.part->work);
  });
}

// `read` throws InputError for an object that is not the piece; `unreadable` says what becomes of an item
// that the master cannot make either.
void FrameRounds::carry_out(const TileTask& task, const ReadPiece& read,
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
  round.piece_bytes = of_bands(work) ? kBandBytesAPixel * items.tiles.front().area() *
                                           static_cast<std::size_t>(manifest.channels())
                                     : kBytesOfALook;
  round.max_failed_tiles = std::numeric_limits<int>::max();
  round.stall_after_s = kPatience_s;
  const auto item_of = [&](int id) { return TaskTile{id, items.tiles[static_cast<std::size_t>(id)]}; };
  const auto key_of = [&](int id) { return frame_piece_key(task, id); };
  round.read_piece = [&](const ResultMessage& result, std::string_view object) {
    if (result.data_ref != key_of(result.tile_id))
      throw InputError("the result names the object " + result.data_ref + " of another piece or run");
    return read(item_of(result.tile_id), object);
  };
  std::vector<ResultMessage> journalled(items.tiles.size());
  for (std::size_t i = 0; i < journalled.size(); ++i) {
    const auto known = job_.pieces.known.find(key_of(static_cast<int>(i)));
    if (known != job_.pieces.known.end()) journalled[i] = known->second;
  }
  round.journalled = job_.pieces.known.empty() ? nullptr : &journalled;
  ItemObserver observer(job_.observer, !of_bands(work));
  const TileLedger ledger = dispatch_tiles(round, job_.place, observer);
  std::optional<PassState> whole;  // with its planes, for the master's own work
  for (int id = 0; id < ledger.tile_count(); ++id) {
    if (ledger.is_done(id)) {
      job_.pieces.used[key_of(id)] = ledger.tile(id).result;
      continue;
    }
    job_.observer.check_stop();
    if (!whole) whole = fetch_pass_state(job_.place.store, task.metrics, manifest);
    try {
      read(item_of(id),
           make_frame_piece(task, item_of(id), {job_.frames, job_.method, *whole, job_.round.threads}))();
    } catch (const InputError& e) {
      unreadable(id, e);
    }
  }
}

// The template of the round's tasks is what its pieces are read by.
TileTask FrameRounds::task_of(TaskWork work, PassState state) const {
  state.analysis.metrics.sums_ref = job_.sums.ref;
  state.analysis.metrics.sums_checksum = job_.sums.checksum;
  TileTask task = job_.round.task_template;
  task.work = work;
  task.last_frame = static_cast<int>(job_.frames.manifest().frames.size()) - 1;
  task.metrics = share_pass_state(job_.place.store, task.run_id, state);
  return task;
}

// Of frames of this number and shape.
PassState FrameRounds::nothing_known() const {
  const Manifest& manifest = job_.frames.manifest();
  PassState state;
  FrameMetrics& metrics = state.analysis.metrics;
  metrics.image_width = manifest.width();
  metrics.image_height = manifest.height();
  metrics.channels.assign(static_cast<std::size_t>(manifest.channels()),
                          std::vector<FrameChannel>(manifest.frames.size()));
  return state;
}

HashedFiles FrameRounds::hash_files() {
  const TileTask task = task_of(TaskWork::kHash, nothing_known());
  const Manifest& manifest = job_.frames.manifest();
  const std::size_t frames = manifest.frames.size();
  HashedFiles hashed{std::vector<FileContent>(frames), std::vector<std::string>(frames)};
  carry_out(
      task,
      [&](const TaskTile& item, std::string_view object) {
        return keep_at(hashed.contents, item.tile_id, read_content(object, task, item.tile_id, manifest));
      },
      [&](int frame, const InputError& why) {
        hashed.problems[static_cast<std::size_t>(frame)] = why.what();
      });
  return hashed;
}

std::vector<FlatLook> FrameRounds::look_at_flats(const MasterMaking& making) {
  PassState state = nothing_known();
  state.making = making;
  const TileTask task = task_of(TaskWork::kFlatLevels, std::move(state));
  std::vector<FlatLook> looks(job_.frames.manifest().frames.size());
  carry_out(
      task,
      [&](const TaskTile& item, std::string_view object) {
        return keep_at(looks, item.tile_id, read_flat_look(object, task, item.tile_id));
      },
      [](int, const InputError& why) { throw why; });
  return looks;
}

Plane<float> FrameRounds::make_master(const MasterMaking& making) {
  PassState state = nothing_known();
  state.making = making;
  return joined_rows(task_of(TaskWork::kMaster, std::move(state)));
}

Plane<float> FrameRounds::proof_median(const FrameMetrics& metrics, std::size_t memory_limit_bytes) {
  if (job_.frames.band_samples().packed)  // every band would unpack them again
    return LocalPasses(job_.frames, job_.method, job_.round.threads, job_.observer)
        .proof_median(metrics, memory_limit_bytes);
  PassState state;
  state.analysis.metrics = metrics;
  return joined_rows(task_of(TaskWork::kMedian, std::move(state)));
}

// A plane of the frames' size, by bands of rows.
Plane<float> FrameRounds::joined_rows(const TileTask& task) {
  const Manifest& manifest = job_.frames.manifest();
  Plane<float> plane(manifest.width(), manifest.height());
  carry_out(
      task,
      [&](const TaskTile& item, std::string_view object) {
        auto rows = std::make_shared<const Plane<float>>(read_rows(object, task, item));
        return [&plane, rows, y0 = item.box.y0] { put_rows(plane, *rows, y0); };
      },
      [](int, const InputError& why) { throw why; });
  return plane;
}

NightStars FrameRounds::find_stars(const StarFinding& how) {
  const Manifest& manifest = job_.frames.manifest();
  const std::size_t frames = manifest.frames.size();
  PassState state = nothing_known();
  state.finding = how;
  const TileTask task = task_of(TaskWork::kDetect, std::move(state));
  NightStars found{std::vector<FrameStars>(frames), std::vector<std::string>(frames)};
  carry_out(
      task,
      [&](const TaskTile& item, std::string_view object) {
        return keep_at(found.stars, item.tile_id, read_stars(object, task, item.tile_id, manifest));
      },
      [&](int frame, const InputError& why) {
        found.problems[static_cast<std::size_t>(frame)] = why.what();
      });
  return found;
}

std::vector<FrameLook> FrameRounds::look(Analysis& analysis) {
  const Manifest& manifest = job_.frames.manifest();
  PassState nothing_known;
  nothing_known.analysis.metrics = analysis.metrics;
  const TileTask task = task_of(TaskWork::kAnalyse, std::move(nothing_known));
  std::vector<FrameLook> looks(manifest.frames.size());
  bool all_read = true;
  carry_out(
      task,
      [&](const TaskTile& item, std::string_view object) {
        return keep_at(looks, item.tile_id, read_look(object, task, item.tile_id, manifest));
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
        return keep_at(looks, item.tile_id, read_star_look(object, task, item.tile_id, manifest));
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
        auto read = std::make_shared<const BandStack>(read_band(object, task, item, manifest, with_mean));
        return [&, read, y0 = item.box.y0] {
          for (std::size_t c = 0; c < channels; ++c) {
            const ChannelBand& band = (*read)[c];
            if (with_scatter) put_rows(squares[c], band.squares, y0);
            if (!with_mean) continue;
            put_rows(made.classical[c], band.mean, y0);
            put_rows(made.coverage[c], band.coverage, y0);
            made.extremes[c].take(y0 / RowExtremes::kRows, band.extremes);
          }
        };
      },
      [](int, const InputError& why) { throw why; });
  if (with_scatter) {
    analysis.variance.clear();
    for (std::size_t c = 0; c < channels; ++c) {
      const Plane<std::int32_t>& coverage = analysis.coverage[c];
      Plane<float>& variance = analysis.variance.emplace_back(coverage.width(), coverage.height());
      scatter_variance([&](int, int) { return std::move(squares[c]); }, coverage,
                       median_noise(analysis.metrics.channels[c]), 0, coverage.height(), variance);
    }
  }
  if (!with_mean) return;
  analysis.classical = std::move(made.classical);
  analysis.coverage = std::move(made.coverage);
  analysis.extremes = std::move(made.extremes);
}

}  // namespace tilecompile
