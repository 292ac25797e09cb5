// A master with a real broker beside workers that lie or hold tasks without answering: the pictures are those
// of a run in one process.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>

#include "broker/patience.hpp"
#include "broker/shared_broker.hpp"
#include "hand_worker.hpp"
#include "launch/liar.hpp"
#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/worker.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;

/// A broker, a night, and the digests of its run in one process.
class Town {
 public:
  explicit Town(std::string method = "") : method_(std::move(method)) {
    EXPECT_EQ(
        run_program("simulate '" + night() + "' --frames 12 --width 300 --height 220 --stars 80").exit_code,
        0);
    const std::string id = new_uuid();
    alone_ = run_program("run " + arguments(id));
    EXPECT_TRUE(alone_.exit_code == 0 || alone_.exit_code == 3) << alone_.text;
    digests_ = product_digests(folder_ / ("out/" + id));
  }
  std::string night() const { return folder_ / "night"; }
  std::string out() const { return folder_ / "out"; }
  std::string arguments(const std::string& id) const {
    return "'" + night() + "/run.yaml' --quiet --set tile.min_size=32 --set parallel.batch=1 " + method_ +
           " --run-id " + id + " --output '" + out() + "'";
  }
  std::future<ProgramOutput> start_master(const std::string& more = "") {
    return std::async(std::launch::async, [this, more] {
      return run_program("master " + arguments(run_id) +
                         " --set broker.port=" + std::to_string(broker.port()) + more);
    });
  }
  std::future<ProgramOutput> resume_master() const {
    return std::async(std::launch::async, [this] {
      std::string words = arguments(run_id);
      words.replace(words.find("--run-id"), std::string("--run-id").size(), "--resume");
      return run_program("master " + words + " --set broker.port=" + std::to_string(broker.port()));
    });
  }
  std::string worker_flags() const {
    return "--input.dir '" + night() + "/frames' --storage.root '" + out() + "' --broker.port " +
           std::to_string(broker.port()) + " --parallel.threads 1";
  }
  std::unique_ptr<Transport> connect() const {
    AmqpOptions options;
    options.port = broker.port();
    options.password = "guest";
    return connect_amqp(options);
  }
  bool master_waits(Transport& party) const {
    return comes_true([&] { return party.inspect("tile.results." + run_id).has_value(); });
  }
  /// The run has ended as the one in one process did, with the same pictures.
  nlohmann::json end(std::future<ProgramOutput>& master) {
    const ProgramOutput ended = master.get();
    EXPECT_EQ(ended.exit_code, alone_.exit_code) << ended.text;
    EXPECT_EQ(product_digests(folder_ / ("out/" + run_id)), digests_) << ended.text;
    text = ended.text;
    return nlohmann::json::parse(file_text(folder_ / ("out/" + run_id + "/run.json"))).at("audit");
  }
  std::string events() const { return file_text(folder_ / ("out/" + run_id + "/events.jsonl")); }
  std::filesystem::path folder() const { return folder_.path(); }

  const PrivateBroker& broker = shared_broker();
  const std::string run_id = new_uuid();
  std::string text;

 private:
  const std::string method_;
  TempDir folder_;
  ProgramOutput alone_;
  std::map<std::string, std::string> digests_;
};

TEST(Distrust, ALyingWorkerIsNamedAndThePicturesAreThoseOfAnHonestRun) {
  TILECOMPILE_NEEDS_RABBITMQ
  Town town;
  auto master = town.start_master();
  const auto party = town.connect();
  ASSERT_TRUE(town.master_waits(*party));
  const auto store = open_file_store(town.out());
  Liar transport(town.connect(), *store, [](TileFile& f) {
    for (float& v : f.pixels[0].samples()) v *= 1.0001F;
  });
  RunContexts runs(*store, std::filesystem::path(town.night()) / "frames", std::size_t{1} << 28, 1,
                   std::make_shared<VerifiedFiles>());
  std::atomic<bool> stop{false};
  auto lying = std::async(std::launch::async, [&] {
    run_worker(transport, *store, runs, {"liar", 1, 2}, stop);
  });
  EXPECT_TRUE(comes_true([&] { return town.events().find("worker_distrusted") != std::string::npos; }));
  HandWorker honest(town.folder(), "honest", town.worker_flags());
  const auto audit = town.end(master);
  stop = true;
  lying.get();
  ASSERT_EQ(audit.at("distrusted_workers").size(), 1u) << audit;
  EXPECT_EQ(audit.at("distrusted_workers")[0].at("worker_id"), "liar");
  EXPECT_NE(town.text.find("worker liar gave wrong results"), std::string::npos) << town.text;
}

// Its tiles of the first round are in the picture already: the run ends, and resumed it computes them again.
TEST(Distrust, AWorkerFoundOutInTheSecondRoundEndsTheRunWhichResumingHeals) {
  TILECOMPILE_NEEDS_RABBITMQ
  Town town("--set synthetic.enabled=true --set synthetic.frames_min=2 --set data.frames_min=3");
  auto master = town.start_master();
  const auto party = town.connect();
  ASSERT_TRUE(town.master_waits(*party));
  const auto store = open_file_store(town.out());
  Liar transport(town.connect(), *store, [](TileFile& f) {
    if (f.pixels.size() < 2) return;  // one plane: the first round, in which it is honest
    for (float& v : f.pixels[1].samples()) v *= 1.0001F;
  });
  RunContexts runs(*store, std::filesystem::path(town.night()) / "frames", std::size_t{1} << 28, 1,
                   std::make_shared<VerifiedFiles>());
  std::atomic<bool> stop{false};
  auto turning = std::async(std::launch::async, [&] {
    run_worker(transport, *store, runs, {"turncoat", 1, 2}, stop);
  });
  EXPECT_TRUE(comes_true([&] { return town.events().find("worker_distrusted") != std::string::npos; }));
  const HandWorker honest(town.folder(), "honest", town.worker_flags());
  const ProgramOutput ended = master.get();
  stop = true;
  turning.get();
  EXPECT_EQ(ended.exit_code, 5) << ended.text;
  EXPECT_NE(ended.text.find("--resume " + town.run_id), std::string::npos) << ended.text;
  auto resumed = town.resume_master();
  const auto audit = town.end(resumed);
  EXPECT_NE(town.events().find("worker turncoat gave wrong tiles"), std::string::npos)
      << "its tiles are computed again";
  ASSERT_EQ(audit.at("distrusted_workers").size(), 1u) << audit;
  EXPECT_EQ(audit.at("distrusted_workers")[0].at("worker_id"), "turncoat");
}

// It is there from the first frame on, and the audits do not meet its wrong figures.
TEST(Distrust, AWorkerFoundOutOverATileIsNotBelievedAboutFramesEither) {
  TILECOMPILE_NEEDS_RABBITMQ
  Town town("--set parallel.audit_percent=0.000001");
  const auto store = open_file_store(town.out());
  std::atomic<int> looks{0};
  Liar transport(
      town.connect(), *store,
      [](TileFile& f) {
        for (float& v : f.pixels[0].samples()) v *= 1.0001F;
      },
      {}, [&](const ResultMessage& r) { return r.part->work == TaskWork::kStars && ++looks > 1; });
  transport.declare(compute_queue_spec(false));
  say_fit(*town.connect(), "liar");
  RunContexts runs(*store, std::filesystem::path(town.night()) / "frames", std::size_t{1} << 28, 1,
                   std::make_shared<VerifiedFiles>());
  std::atomic<bool> stop{false};
  auto lying = std::async(std::launch::async, [&] {
    run_worker(transport, *store, runs, {"liar", 1, 2}, stop);
  });
  EXPECT_TRUE(comes_true([&] { return transport.inspect("tile.compute")->consumers > 0; }));
  auto master = town.start_master();
  EXPECT_TRUE(comes_true([&] { return town.events().find("worker_distrusted") != std::string::npos; }));
  EXPECT_EQ(looks, 12);
  const HandWorker honest(town.folder(), "honest", town.worker_flags());
  const auto audit = town.end(master);
  stop = true;
  lying.get();
  EXPECT_EQ(audit.at("distrusted_workers").at(0).at("worker_id"), "liar");
  EXPECT_NE(town.events().find("frames_analysed_again"), std::string::npos);
  EXPECT_NE(town.events().find("journal_dropped"), std::string::npos) << "tiles that rest on it go, too";
}

// What others and the master find then is that the frames are other ones, which they are not.
TEST(Distrust, AWorkerThatGivesWrongHashesIsFoundOutByWhatFollows) {
  TILECOMPILE_NEEDS_RABBITMQ
  Town town("--set parallel.audit_percent=0.000001");
  const auto store = open_file_store(town.out());
  constexpr int kFrames = 12;
  std::atomic<int> hashes{0};
  std::atomic<bool> stop{false};
  Liar transport(
      town.connect(), *store, [](TileFile&) {}, {},
      [&](const ResultMessage& r) {
        if (r.part->work != TaskWork::kHash) return false;
        stop = ++hashes == kFrames;
        return hashes == 2;  // the master looks after the first one
      });
  transport.declare(compute_queue_spec(false));
  say_fit(*town.connect(), "liar");
  RunContexts runs(*store, std::filesystem::path(town.night()) / "frames", std::size_t{1} << 28, 1,
                   std::make_shared<VerifiedFiles>());
  auto lying = std::async(std::launch::async, [&] {
    run_worker(transport, *store, runs, {"liar", 1, 2}, stop);
  });
  EXPECT_TRUE(comes_true([&] { return transport.inspect("tile.compute")->consumers > 0; }));
  auto master = town.start_master();
  lying.get();
  const HandWorker honest(town.folder(), "honest", town.worker_flags());
  const auto audit = town.end(master);
  EXPECT_EQ(hashes, kFrames);
  ASSERT_EQ(audit.at("distrusted_workers").size(), 1u) << audit;
  EXPECT_EQ(audit.at("distrusted_workers")[0].at("worker_id"), "liar");
  EXPECT_NE(town.text.find("is another file there than here, or it was hashed wrongly"), std::string::npos)
      << town.text;
  EXPECT_NE(town.events().find("frames_analysed_again"), std::string::npos);
}

// Where the frames are copies, one of them can be an older one of the same size.
TEST(Distrust, AWorkerWithAnotherFrameThanTheMasterIsNamedAndItsFrameIsNotTaken) {
  TILECOMPILE_NEEDS_RABBITMQ
  Town town;
  const std::filesystem::path copies = town.folder() / "copies";
  std::filesystem::copy(town.night() + "/frames", copies);
  std::filesystem::path old;
  for (const auto& entry : std::filesystem::directory_iterator(copies)) old = std::max(old, entry.path());
  {
    std::fstream file(old, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(old) / 2));
    file.write("\x01\x02\x03\x04", 4);
  }
  std::string flags = town.worker_flags();
  flags.replace(flags.find(town.night() + "/frames"), town.night().size() + 7, copies.string());
  const HandWorker stale(town.folder(), "stale", flags);
  const auto party = town.connect();
  EXPECT_TRUE(comes_true([&] {
    const auto queue = party->inspect("tile.compute");
    return queue && queue->consumers > 0;
  }));
  auto master = town.start_master();
  EXPECT_TRUE(comes_true([&] { return town.events().find("worker_distrusted") != std::string::npos; }));
  const HandWorker honest(town.folder(), "honest", town.worker_flags());
  const auto audit = town.end(master);
  ASSERT_EQ(audit.at("distrusted_workers").size(), 1u) << audit;
  EXPECT_EQ(audit.at("distrusted_workers")[0].at("worker_id"), "stale");
  EXPECT_NE(town.text.find("frame " + old.filename().string()), std::string::npos) << town.text;
}

TEST(Distrust, TasksThatAWorkerHoldsAreDoneByAnother) {
  TILECOMPILE_NEEDS_RABBITMQ
  Town town;
  auto master = town.start_master();
  const auto greedy = town.connect();
  ASSERT_TRUE(town.master_waits(*greedy));
  greedy->consume("tile.compute", 3);
  ASSERT_TRUE(greedy->receive(20s).has_value());
  HandWorker honest(town.folder(), "honest", town.worker_flags());
  const auto audit = town.end(master);
  EXPECT_TRUE(audit.at("distrusted_workers").empty()) << audit;
  EXPECT_NE(town.events().find("last_tasks_sent_twice"), std::string::npos);
}

}  // namespace
}  // namespace tilecompile
