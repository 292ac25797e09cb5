#pragma once
#include <fstream>
#include <functional>
#include <future>

#include "launch/own_tiles_pool.hpp"
#include "liar.hpp"
#include "tilecompile/dispatch/journal.hpp"
#include "tilecompile/master/frame_rounds.hpp"
#include "tilecompile/protocol/any_task.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {

using Change = std::function<void(MethodConfig&)>;

/// A worker that takes one task and is gone.
inline void take_one_and_die(Transport& transport) {
  transport.consume(kComputeQueue, 1);
  transport.receive(std::chrono::seconds(30));
  transport.close();
}

/// A worker of the protocol that computes tiles only, and says so until it is told to stop.
inline void refuse_all(Transport& transport, const std::atomic<bool>& stop) {
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
inline void bury_all(Transport& transport, const std::atomic<bool>& stop) {
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
      if (analysis.bad_frames.empty())
        measure_seeing(analysis, source, night.method, 1, rounds,
                       find_reference_stars(analysis, source, night.method));
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

}  // namespace tilecompile
