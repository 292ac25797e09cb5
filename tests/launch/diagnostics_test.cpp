#include <future>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "tilecompile/base/error.hpp"
#include "tilecompile/dispatch/diagnostics_collector.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/protocol/diagnostics_message.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/diagnostics_sender.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::vector<TileDiagnostics> lines_of(const std::filesystem::path& path) {
  std::vector<TileDiagnostics> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(decode_diagnostics(line));
  return lines;
}

bool is_for_diagnostics(const std::string& queue) { return queue.starts_with(kDiagnosticsQueue); }

/// Passes everything on, but does with messages for diagnostics queues what `publish_` says.
class OddTransport : public ForwardingTransport {
 public:
  using Publish = std::function<std::future<void>()>;
  OddTransport(std::unique_ptr<Transport> inner, Publish publish)
      : ForwardingTransport(std::move(inner)), publish_(std::move(publish)) {}
  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    return is_for_diagnostics(queue) ? publish_() : inner_->publish(exchange, queue, std::move(message));
  }

 private:
  Publish publish_;
};

/// A night that one master and one worker reconstruct over a memory broker.
class Workshop {
 public:
  explicit Workshop(int channels = 1) : night(channels), directory_(night.folder() / "out", night.run_id) {}

  DiagnosticsJob job() const {
    DiagnosticsJob job;
    job.config.enabled = true;
    job.run_id = night.run_id;
    job.tiles = static_cast<int>(night.grid.tiles.size());
    job.channels = night.job.planes;
    job.file = directory_.path() / "diagnostics.jsonl";
    return job;
  }
  /// Checksum of every tile; `publish` is done instead of publishing diagnostics.
  std::vector<std::string> run(bool with_diagnostics, const OddTransport::Publish& publish = {}) {
    auto master = broker.connect();
    auto worker = broker.connect();
    worker->declare(compute_queue_spec(false));
    if (publish) worker = std::make_unique<OddTransport>(std::move(worker), publish);
    std::atomic<bool> stop{false};
    RunContexts runs = night.contexts();
    auto serving = std::async(std::launch::async, [&] {
      run_worker(*worker, *night.store, runs, {"w", 2, 2}, stop);
    });
    std::optional<DiagnosticsCollector> collector;
    if (with_diagnostics) collector.emplace(*master, job());
    std::vector<std::string> checksums(night.grid.tiles.size());
    TestObserver observer([&](const ResultMessage& r, TileFile file) {
      checksums[static_cast<std::size_t>(r.tile_id)] = r.data_checksum;
      files[r.tile_id] = std::move(file);
    });
    dispatch_tiles(night.job, {*master, *night.store, directory_, collector ? &*collector : nullptr},
                   observer);
    if (collector) summary = collector->finish();
    stop = true;
    serving.get();
    return checksums;
  }

  WholeNight night;
  MemoryBroker broker;
  std::map<int, TileFile> files;
  nlohmann::json summary;

 private:
  RunDirectory directory_;
};

TEST(Diagnostics, OneLineATileThatAgreesWithTheTile) {
  for (const int channels : {1, 3}) {
    Workshop shop(channels);
    const auto without = shop.run(false);
    EXPECT_FALSE(std::filesystem::exists(shop.job().file));
    EXPECT_EQ(shop.run(true), without) << "diagnostics change no tile";
    const auto lines = lines_of(shop.job().file);
    ASSERT_EQ(lines.size(), without.size());
    std::set<int> tiles;
    double smallest = 1e9;
    std::int64_t histogram = 0;
    for (const TileDiagnostics& d : lines) {
      tiles.insert(d.tile_id);
      const TileFile& file = shop.files.at(d.tile_id);
      EXPECT_EQ(d.box, file.box);
      EXPECT_EQ(d.worker_id, "w");
      EXPECT_EQ(d.frames, 7);
      for (std::size_t c = 0; c < d.channels.size(); ++c) {
        EXPECT_EQ(d.channels[c].n_eff, effective_frames(file.frame_weight[c]));
        EXPECT_LE(d.channels[c].measured_frames, 7);
        EXPECT_GT(d.channels[c].measured_frames, 0);
        const auto& counts = d.channels[c].quality.counts;
        EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}), 7);
      }
      smallest = std::min(smallest, d.channels[0].n_eff);
    }
    EXPECT_EQ(tiles.size(), without.size());
    EXPECT_EQ(shop.summary["tiles"], without.size());
    EXPECT_EQ(shop.summary["ignored"], 0);
    EXPECT_EQ(shop.summary["file"], "diagnostics.jsonl");
    EXPECT_EQ(shop.summary["channels"].size(), static_cast<std::size_t>(channels));
    EXPECT_EQ(shop.summary["channels"][0]["smallest_n_eff"], smallest);
    for (const auto& n : shop.summary["channels"][0]["quality_histogram"]["counts"])
      histogram += n.get<std::int64_t>();
    EXPECT_EQ(histogram, static_cast<std::int64_t>(7 * without.size()));
    EXPECT_FALSE(shop.broker.connect()->inspect(diagnostics_queue(shop.night.run_id, Isolation::kRun)));
  }
}

TEST(Diagnostics, ABrokerThatNeverConfirmsThemHoldsNothingUp) {
  Workshop shop;
  const auto expected = shop.run(false);
  std::vector<std::promise<void>> never;
  std::mutex mutex;
  const auto keep_waiting = [&] {
    const std::lock_guard<std::mutex> lock(mutex);
    never.emplace_back();
    return never.back().get_future();
  };
  EXPECT_EQ(shop.run(true, keep_waiting), expected);
  EXPECT_EQ(never.size(), std::min(expected.size(), DiagnosticsSender::kMostOpen));
  EXPECT_EQ(shop.summary["tiles"], 0);
}

TEST(Diagnostics, AFailingPublishHarmsNoTile) {
  Workshop shop;
  const auto expected = shop.run(false);
  EXPECT_EQ(shop.run(true, []() -> std::future<void> { throw TransientError("closed"); }), expected);
  const auto refused = [] {
    std::promise<void> promise;
    promise.set_exception(std::make_exception_ptr(UsageError("access refused")));
    return promise.get_future();
  };
  EXPECT_EQ(shop.run(true, refused), expected);
}

TEST(Diagnostics, AQueueWithOtherArgumentsOrAFileThatCannotBeWrittenIsDoneWithout) {
  Workshop shop;
  const auto expected = shop.run(false);
  const auto stranger = shop.broker.connect();
  QueueSpec other;
  other.name = diagnostics_queue(shop.night.run_id, Isolation::kRun);
  stranger->declare(other);
  EXPECT_EQ(shop.run(true), expected);
  EXPECT_EQ(stranger->inspect(other.name)->messages, 0u) << "workers were not asked";
  stranger->remove_queue(other.name);
  std::filesystem::remove(shop.job().file);
  std::filesystem::create_directory(shop.job().file);
  EXPECT_EQ(shop.run(true), expected);
  EXPECT_EQ(shop.summary["tiles"], 0);
}

TEST(DiagnosticsSender, CountsWhatBecameOfItsMessages) {
  Workshop shop;
  const auto party = shop.broker.connect();
  const WorkerIdentity identity{"w", 1};
  DiagnosticsSender sender(*party);
  EXPECT_FALSE(sender.observer(Message{}, identity)) << "nobody asked";
  Message task;
  task.headers[kDiagnosticsHeader] = diagnostics_queue(shop.night.run_id, Isolation::kRun);
  const TileObserver observe = sender.observer(task, identity);
  RunContexts runs = shop.night.contexts();
  const std::string bytes = encode_task(make_tasks(shop.night.job).front());
  const auto results = [&] {
    std::int64_t tiles = 0;
    execute_task(
        bytes, runs, *shop.night.store, identity,
        [&](const ResultMessage& r) {
          EXPECT_FALSE(r.failure);
          ++tiles;
        },
        observe);
    return tiles;
  };
  const std::int64_t tiles = results();
  EXPECT_EQ(sender.counts().failed, tiles) << "there is no queue";
  party->declare(diagnostics_queue_spec(task.headers[kDiagnosticsHeader], 2, 3600));
  EXPECT_EQ(results(), tiles);
  EXPECT_EQ(sender.counts().published, tiles);
  EXPECT_EQ(sender.counts().dropped, 0);
  EXPECT_EQ(party->inspect(task.headers[kDiagnosticsHeader])->messages, 2u) << "bounded, the oldest dropped";
}

TEST(DiagnosticsCollector, TakesTheFirstOfEachTileOfItsRunAndIgnoresTheRest) {
  Workshop shop;
  shop.run(true);
  const auto lines = lines_of(shop.job().file);
  std::ofstream(shop.job().file) << "{\"cut off";
  const auto master = shop.broker.connect(), worker = shop.broker.connect();
  DiagnosticsCollector collector(*master, shop.job());
  Message task;
  collector.ask(task);
  const std::string queue = task.headers.at(kDiagnosticsHeader);
  EXPECT_EQ(queue, "tile.diagnostics." + shop.night.run_id);
  const auto send = [&](const std::string& body) {
    Message message;
    message.body = body;
    worker->publish(kResultExchange, queue, message).get();
  };
  send("no JSON");
  send(std::string(kMostDiagnosticsBytes + 1, ' '));
  TileDiagnostics d = lines.at(0);
  d.run_id = "00000000-0000-4000-8000-000000000000";
  send(encode_diagnostics(d));
  d = lines.at(0);
  d.tile_id = shop.job().tiles;
  send(encode_diagnostics(d));
  d = lines.at(0);
  d.channels.push_back(d.channels.front());
  send(encode_diagnostics(d));
  send(encode_diagnostics(lines.at(0)));
  send(encode_diagnostics(lines.at(0)));
  send(encode_diagnostics(lines.at(1)));
  Delivery other;
  other.queue = "tile.results";
  EXPECT_FALSE(collector.take(other));
  const auto summary = collector.finish();
  EXPECT_EQ(summary["tiles"], 2);
  EXPECT_EQ(summary["ignored"], 6);
  const std::string expected =
      "{\"cut off\n" + encode_diagnostics(lines.at(0)) + "\n" + encode_diagnostics(lines.at(1)) + "\n";
  std::ifstream in(shop.job().file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), expected);
}

}  // namespace
}  // namespace tilecompile
