// The passes over the frames by workers, over the transport in memory, held against those of one process.
#include "tilecompile/master/frame_rounds.hpp"

#include <fstream>
#include <future>
#include <map>
#include <mutex>

#include "faulty_store.hpp"
#include "launch/own_tiles_pool.hpp"
#include "liar.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/dispatch/journal.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/protocol/any_task.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using Change = std::function<void(MethodConfig&)>;

/// A worker that takes one task and is gone.
void take_one_and_die(Transport& transport) {
  transport.consume(kComputeQueue, 1);
  transport.receive(std::chrono::seconds(30));
  transport.close();
}

/// A worker of the protocol that computes tiles only, and says so until it is told to stop.
void refuse_all(Transport& transport, const std::atomic<bool>& stop) {
  transport.consume(kComputeQueue, 4);
  while (!stop) {
    const auto delivery = transport.receive(std::chrono::milliseconds(50));
    if (!delivery) continue;
    const TileTask task = decode_any_task(delivery->message.body);
    for (const TaskTile& item : task.tiles) {
      ResultMessage answer = empty_result(task, item, {"tiles-only", 1});
      answer.failure = TileFailure{ErrorKind::kUsage, "this worker computes tiles only"};
      Message message;
      message.body = encode_result(answer);
      transport.publish(kResultExchange, delivery->message.reply_to, message).get();
    }
    transport.ack(delivery->tag);
  }
}

/// A worker of a version that does not know tasks of frames: it puts them on tile.dlq.
void bury_all(Transport& transport, const std::atomic<bool>& stop) {
  transport.consume(kComputeQueue, 4);
  while (!stop) {
    const auto delivery = transport.receive(std::chrono::milliseconds(50));
    if (!delivery) continue;
    send_to_dead_letters(transport, kResultExchange, delivery->message,
                         {{ErrorKind::kInput, "task: 'task_type' is 'frame_batch'"}, "older"});
    transport.ack(delivery->tag);
  }
}

/// A night, its workers, and the master that hands the passes to them.
class Looks {
 public:
  explicit Looks(
      int channels = 1, const Change& change = [](MethodConfig&) {},
      const std::function<void(SimulateOptions&)>& sky = [](SimulateOptions&) {})
      : night(channels, 7, change, sky) {
    night.store->put(frames_config_key(night.task_template), canonical_method_json(night.method));
    night.store->put(frames_manifest_key(night.task_template), encode_manifest(*night.manifest));
    night.job.task_template.metrics = {};
    night.job.retry.base_s = night.job.retry.cap_s = 1;
  }
  ~Looks() { stop_ = true; }

  void add_worker(const std::string& id = "w") { serve(id, broker_.connect()); }
  void add_liar(const Liar::AboutFrames& lies = [](const ResultMessage&) { return true; }) {
    serve("liar", std::make_unique<Liar>(
                      broker_.connect(), *night.store, [](TileFile&) {}, nullptr, lies));
  }
  void add_forger(const Liar::ForgeMessage& forge) {
    serve("forger", std::make_unique<Liar>(broker_.connect(), *night.store, nullptr, forge));
  }
  void add_older() {
    transports_.push_back(broker_.connect());
    serving_.push_back(std::async(std::launch::async, [this, t = transports_.back().get()] {
      t->declare(compute_queue_spec(false));
      bury_all(*t, stop_);
    }));
  }
  void add_stranger() {
    transports_.push_back(broker_.connect());
    serving_.push_back(std::async(std::launch::async, [this, t = transports_.back().get()] {
      t->declare(compute_queue_spec(false));
      refuse_all(*t, stop_);
    }));
  }
  void add_mortal() {
    transports_.push_back(broker_.connect());
    transports_.back()->declare(compute_queue_spec(false));
    serving_.push_back(
        std::async(std::launch::async, [t = transports_.back().get()] { take_one_and_die(*t); }));
  }

  /// A pass of the master, with its own computation at hand.
  template <class Pass>
  auto by_rounds(const Pass& pass) {
    RunDirectory directory(out_.path(), night.run_id);
    const FrameSource source = night.source();
    const auto own = own_tiles_pool(*night.store, night.frames_dir(), {});
    const auto master = broker_.connect();
    if (pieces.known.empty()) pieces.known = read_frames_journal(journal_file(), night.run_id);
    RoundPlace place{*master, *night.store, directory};
    place.own = own.get();
    place.trust = &trust;
    place.workers = &workers;
    TileRound round = night.job;
    round.audit_percent = audit_percent;
    round.audit_key = "key";
    round.lease_factor = 4;
    FrameRounds rounds({round, place, source, night.method, pieces, stopper});
    return pass(rounds, source);
  }

  /// Both passes.
  Analysis analyse() {
    return by_rounds([&](FrameRounds& rounds, const FrameSource& source) {
      Analysis analysis = analyse_frames(*night.manifest, night.method, rounds);
      if (analysis.bad_frames.empty()) measure_seeing(analysis, source, night.method, 1, rounds);
      return analysis;
    });
  }
  NightStars find_stars(const StarFinding& how) {
    return by_rounds([&](FrameRounds& rounds, const FrameSource&) { return rounds.find_stars(how); });
  }
  std::filesystem::path journal_file() const { return out_ / night.run_id / kFramesJournal; }
  std::size_t journal_lines() const {
    std::ifstream file(journal_file());
    std::size_t lines = 0;
    for (std::string line; std::getline(file, line);) ++lines;
    return lines;
  }

  std::uint64_t letters() { return broker_.connect()->inspect(kDeadLetterQueue)->messages; }

  WholeNight night;
  TrustBook trust;
  WorkerBook workers;
  FramePieces pieces;
  double audit_percent = 10;
  TestObserver stopper;

 private:
  void serve(const std::string& id, std::unique_ptr<Transport> transport) {
    transports_.push_back(std::move(transport));
    transports_.back()->declare(compute_queue_spec(false));
    serving_.push_back(std::async(std::launch::async, [this, id, t = transports_.back().get()] {
      RunContexts runs = night.contexts();
      run_worker(*t, *night.store, runs, {id, 2, 2}, stop_);
    }));
  }

  TempDir out_;
  MemoryBroker broker_;
  std::atomic<bool> stop_{false};
  std::vector<std::unique_ptr<Transport>> transports_;
  std::vector<std::future<void>> serving_;
};

void expect_same(const Analysis& a, const Analysis& b) {
  EXPECT_EQ(encode_frame_metrics(a.metrics), encode_frame_metrics(b.metrics));
  EXPECT_EQ(a.warnings, b.warnings);
  ASSERT_EQ(a.classical.size(), b.classical.size());
  for (std::size_t c = 0; c < a.classical.size(); ++c) {
    expect_same_bits(a.classical[c], b.classical[c], "classical");
    expect_same_bits(a.variance[c], b.variance[c], "variance");
    EXPECT_EQ(a.coverage[c].samples(), b.coverage[c].samples()) << c;
    EXPECT_EQ(a.extremes[c].bands(), b.extremes[c].bands()) << c;
  }
  ASSERT_EQ(a.proofs.size(), b.proofs.size());
  for (std::size_t f = 0; f < a.proofs.size(); ++f) EXPECT_EQ(a.proofs[f].outcome, b.proofs[f].outcome);
}

TEST(FrameRounds, GiveTheBitsOfOneProcess) {
  Looks looks;
  looks.add_worker("one");
  looks.add_worker("two");
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.journal_lines(), 7u + 2 + 7 + 2);
}

void expect_same_stars(const NightStars& a, const NightStars& b) {
  EXPECT_EQ(a.problems, b.problems);
  ASSERT_EQ(a.stars.size(), b.stars.size());
  for (std::size_t f = 0; f < a.stars.size(); ++f) {
    EXPECT_EQ(a.stars[f].found, b.stars[f].found);
    EXPECT_EQ(a.stars[f].fwhm_px, b.stars[f].fwhm_px);
    ASSERT_EQ(a.stars[f].chosen.size(), b.stars[f].chosen.size());
    for (std::size_t s = 0; s < a.stars[f].chosen.size(); ++s) {
      const FrameStar &one = a.stars[f].chosen[s], &other = b.stars[f].chosen[s];
      EXPECT_TRUE(one.x == other.x && one.y == other.y && one.flux == other.flux && one.snr == other.snr &&
                  one.poor == other.poor);
    }
  }
}

/// Every other frame has half of its light, and no dark is taken off.
StarFinding halved(Looks& looks) {
  CalibrationMasters masters;
  masters.flat = Plane<float>(looks.night.manifest->width(), looks.night.manifest->height(), 2.0F);
  StarFinding how;
  how.saturation = 3000;
  for (int f = 0; f < 7; ++f) how.group_of_frame.push_back(f % 2 - 1);
  how.masters = {std::make_shared<CalibrationMasters>(std::move(masters))};
  const std::string flat = encode_image("a master", {how.masters.front()->flat}, {});
  looks.night.store->put("calibration/flat", flat);
  how.calibrations = {{{}, {"calibration/flat", sha256_hex(flat)}}};
  return how;
}

TEST(FrameRounds, FindTheStarsOfOneProcess) {
  Looks looks;
  const StarFinding how = halved(looks);
  const NightStars here = find_night_stars(looks.night.source(), how, 1);
  ASSERT_GE(here.stars[0].chosen.size(), 5u);
  looks.add_worker("one");
  looks.add_worker("two");
  expect_same_stars(looks.find_stars(how), here);
  EXPECT_EQ(looks.journal_lines(), 7u);
  expect_same_stars(looks.find_stars(how), here);
  EXPECT_EQ(looks.journal_lines(), 7u) << "what is journalled is not made again";
}

TEST(FrameRounds, StarsOfAFrameThatCannotBeReadAreItsProblem) {
  Looks looks;
  std::filesystem::resize_file(looks.night.frames_dir() / looks.night.manifest->frames[3].path, 5760);
  looks.add_worker();
  const NightStars found = looks.find_stars({});
  EXPECT_NE(found.problems[3], "");
  EXPECT_EQ(found.problems[2], "");
  EXPECT_GE(found.stars[2].chosen.size(), 5u);
}

TEST(FrameRounds, StarsOfAWorkerThatIsFoundOutPutTheRegistrationInDoubt) {
  Looks looks;
  looks.add_worker("one");
  looks.find_stars({});
  looks.pieces.used.begin()->second.worker_id = "liar";
  looks.trust.distrust("liar", "its tiles are wrong");
  EXPECT_TRUE(looks.pieces.forget_distrusted(looks.trust));
  EXPECT_TRUE(looks.pieces.forgot_stars);
}

/// The frames of the night as frames of calibration.
MasterMaking here() {
  MasterMaking making;
  making.place = ".";
  return making;
}

TEST(FrameRounds, MakeTheMastersOfOneProcess) {
  Looks looks;
  looks.add_worker("one");
  looks.add_worker("two");
  const FrameSource source = looks.night.source();
  LocalPasses alone(source, looks.night.method, 1, nobody());
  const auto made = [&](const MasterMaking& making) {
    return looks.by_rounds(
        [&](FrameRounds& rounds, const FrameSource&) { return rounds.make_master(making); });
  };
  expect_same_bits(made(here()), alone.make_master(here()), "mean");
  EXPECT_EQ(looks.journal_lines(), 2u);
  MasterMaking flats = here();
  flats.flats = alone.look_at_flats(here());
  const std::vector<FlatLook> looked =
      looks.by_rounds([](FrameRounds& rounds, const FrameSource&) { return rounds.look_at_flats(here()); });
  ASSERT_EQ(looked.size(), flats.flats.size());
  for (std::size_t f = 0; f < looked.size(); ++f) EXPECT_EQ(looked[f].levels, flats.flats[f].levels);
  expect_same_bits(made(flats), alone.make_master(flats), "flat");
  EXPECT_EQ(looks.journal_lines(), 2u + 7 + 2);
  looks.pieces.used.begin()->second.worker_id = "liar";
  looks.trust.distrust("liar", "its tiles are wrong");
  EXPECT_TRUE(looks.pieces.forget_distrusted(looks.trust));
  EXPECT_TRUE(looks.pieces.forgot_stars) << "what is calibrated with them is in doubt";
}

// Masters of as many frames are rounds alike but for the names of their pieces. Slow workers and resumed
// masters bring such results about.
TEST(FrameRounds, AResultOfAnotherRoundCountsForNothingAndNobodyIsBlamed) {
  Looks looks;
  std::mutex mutex;
  std::map<int, ResultMessage> earlier;  // by band
  int late = 0;
  looks.add_forger([&](ResultMessage& r) {
    if (r.failure || r.begun || r.data_ref.empty()) return;
    const std::lock_guard<std::mutex> lock(mutex);
    const ResultMessage& first = earlier.emplace(r.tile_id, r).first->second;
    if (first.data_ref == r.data_ref) return;
    r.data_ref = first.data_ref;
    r.data_checksum = first.data_checksum;
    ++late;
  });
  const FrameSource source = looks.night.source();
  LocalPasses alone(source, looks.night.method, 1, nobody());
  MasterMaking flats = here();
  flats.flats = alone.look_at_flats(here());
  for (const MasterMaking& making : {here(), flats})
    expect_same_bits(
        looks.by_rounds([&](FrameRounds& rounds, const FrameSource&) { return rounds.make_master(making); }),
        alone.make_master(making), "master");
  EXPECT_GE(late, TrustBook::kMostRefused) << "enough to be blamed for";
  EXPECT_FALSE(looks.trust.is_distrusted("forger"));
}

// Whatever keeps a worker from it: it gets all other tasks, but no more of these.
TEST(FrameRounds, MastersThatAWorkerCannotMakeTheMasterMakes) {
  for (const bool refuses : {true, false}) {
    Looks looks;
    if (refuses)
      looks.add_stranger();
    else
      looks.add_older();
    const FrameSource source = looks.night.source();
    LocalPasses alone(source, looks.night.method, 1, nobody());
    EXPECT_TRUE(looks.workers.calibrate());
    const Plane<float> made =
        looks.by_rounds([](FrameRounds& rounds, const FrameSource&) { return rounds.make_master(here()); });
    expect_same_bits(made, alone.make_master(here()), "mean");
    EXPECT_EQ(looks.trust.own_tiles, 2);
    EXPECT_FALSE(looks.workers.calibrate());
    EXPECT_TRUE(looks.workers.older().empty());
    EXPECT_EQ(looks.letters(), 0u);
  }
}

TEST(FrameRounds, GiveThemInColourWithChunksOfFramesToo) {
  Looks looks(3, [](MethodConfig& method) { method.reconstruction.frame_chunk = 2; });
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
}

TEST(FrameRounds, GiveThemWithFluxScalesLevelledSkiesSeeingSurfacesAndBorders) {
  Looks looks(1, [](MethodConfig& method) {
    method.normalization.mode = NormalizationParams::Mode::kPhotometric;
    method.reconstruction.edge_feather_px = 6;
    method.reconstruction.local_sky = ReconstructionParams::LocalSky::kMean;
    method.local_metrics.mode = LocalMetricsParams::Mode::kSeeing;
  });
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
}

TEST(FrameRounds, GiveThemWithFramesOfDoubledStarsWhichAreMeasuredTwice) {
  Looks looks(
      1,
      [](MethodConfig& method) {
        method.normalization.mode = NormalizationParams::Mode::kPhotometric;
        method.reconstruction.local_sky = ReconstructionParams::LocalSky::kMean;
        method.local_metrics.mode = LocalMetricsParams::Mode::kSeeing;
      },
      [](SimulateOptions& options) {
        options.width = 300;
        options.height = 120;
        options.stars = 60;
        options.fwhm_px = 2;
        options.nebula = false;
        options.faults.doubled_fraction = 0.3;
      });
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.journal_lines(), 7u + 2 + 7 + 7 + 2);
}

TEST(FrameRounds, AWorkerThatDiesOverAFrameChangesNothing) {
  Looks looks;
  looks.add_mortal();
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
}

TEST(FrameRounds, WhatNoWorkerKnowsTheMasterDoesItself) {
  Looks looks;
  looks.add_stranger();
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.trust.own_tiles, 7 + 2 + 7 + 2);
}

TEST(FrameRounds, WhatAnOlderWorkerPutsOnTheDeadLettersTheMasterDoesAtOnceAndSaysSoOnce) {
  Looks looks;
  looks.add_older();
  const auto began = std::chrono::steady_clock::now();
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(40));
  EXPECT_EQ(looks.workers.older(), std::set<std::string>{"older"});
  EXPECT_EQ(looks.letters(), 0u) << "nothing is left for people to do";
}

TEST(FrameRounds, WhereNobodyTakesTasksTheMasterDoesThemItself) {
  Looks looks;
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.trust.own_tiles, 7 + 2 + 7 + 2);
}

// Nobody looks at what it finds in single frames after the first one of a round.
TEST(FrameRounds, WhatAWorkerFoundBeforeItWasFoundOutIsFoundAgainByOthers) {
  Looks looks(
      1, [](MethodConfig& method) { method.normalization.mode = NormalizationParams::Mode::kPhotometric; });
  looks.audit_percent = 1e-9;
  std::atomic<int> found{0};
  looks.add_liar([&](const ResultMessage& r) { return r.part->work == TaskWork::kAnalyse && ++found > 1; });
  EXPECT_NE(encode_frame_metrics(looks.analyse().metrics),
            encode_frame_metrics(looks.night.analysis.metrics));
  ASSERT_FALSE(looks.trust.is_distrusted("liar"));
  EXPECT_FALSE(looks.pieces.forget_distrusted(looks.trust));
  looks.trust.distrust("liar", "its tiles are wrong");
  looks.add_worker();
  EXPECT_TRUE(looks.pieces.forget_distrusted(looks.trust));
  EXPECT_FALSE(looks.pieces.forget_distrusted(looks.trust)) << "it is said once";
  expect_same(looks.analyse(), looks.night.analysis);
  for (const auto& [ref, result] : looks.pieces.used) EXPECT_NE(result.worker_id, "liar") << ref;
}

TEST(FrameRounds, WhatHonestWorkersFoundIsTakenOverWhenAnotherIsFoundOut) {
  Looks looks;
  looks.add_worker("one");
  expect_same(looks.analyse(), looks.night.analysis);
  looks.pieces.used.begin()->second.worker_id = "liar";
  looks.trust.distrust("liar", "its tiles are wrong");
  EXPECT_TRUE(looks.pieces.forget_distrusted(looks.trust));
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_EQ(looks.journal_lines(), 7u + 2 + 7 + 2 + 1) << "one piece is made once more";
}

TEST(FrameRounds, AWorkerWhoseFiguresAreWrongIsFoundAndAskedNoMore) {
  Looks looks;
  looks.add_liar();
  looks.add_worker();
  expect_same(looks.analyse(), looks.night.analysis);
  EXPECT_TRUE(looks.trust.is_distrusted("liar"));
  EXPECT_FALSE(looks.trust.is_distrusted("w"));
}

TEST(FrameRounds, AFrameThatCannotBeReadIsNamedByTheMaster) {
  Looks looks;
  const auto path = looks.night.frames_dir() / looks.night.manifest->frames[3].path;
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 5760);
  looks.night.verified = std::make_shared<VerifiedFiles>();
  looks.add_worker();
  const Analysis analysis = looks.analyse();
  ASSERT_EQ(analysis.bad_frames.size(), 1u);
  EXPECT_EQ(analysis.bad_frames[0].path, looks.night.manifest->frames[3].path);
  EXPECT_NE(analysis.bad_frames[0].reason.find("the manifest says"), std::string::npos)
      << analysis.bad_frames[0].reason;
}

struct Killed {};

TEST(FrameRounds, AResumedMasterTakesOverWhatWasFoundAndNothingElse) {
  for (const std::size_t lines : {3u, 8u, 12u, 17u}) {
    Looks looks;
    looks.add_worker();
    looks.stopper.on_check_stop = [&] {
      if (looks.journal_lines() >= lines) throw Killed{};
    };
    EXPECT_THROW(looks.analyse(), Killed);
    looks.stopper.on_check_stop = {};
    const std::size_t known = looks.journal_lines();
    ASSERT_GE(known, lines);
    std::ofstream(looks.journal_file(), std::ios::app) << R"({"schema":1,"torn)";
    expect_same(looks.analyse(), looks.night.analysis);
    EXPECT_LE(looks.journal_lines(), 18u + 2) << "more than what was missing is found again";
  }
}

}  // namespace
}  // namespace tilecompile
