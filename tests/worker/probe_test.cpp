#include "tilecompile/worker/probe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "test_data.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/storage/memory_store.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A frame, a storage with the master's object, and the probe that names both.
struct Scene {
  TempDir folder;
  std::unique_ptr<ObjectStore> store = open_memory_store();
  ProbeTask probe;

  Scene() {
    std::ofstream(folder / "frame.fits") << "the bytes of a frame";
    probe.correlation_id = new_uuid();
    probe.run_id = new_uuid();
    probe.numerics_version = kNumericsVersion;
    probe.frame_path = "frame.fits";
    probe.frame_sha256 = sha256_hex("the bytes of a frame");
    probe.object_ref = probe.run_id + "/probe/master";
    probe.object_checksum = sha256_hex("object");
    store->put(probe.object_ref, "object");
  }
  ProbeAnswer answer(const ProbeTask& task) {
    return answer_probe(task, worker_facts("w", 3), folder.path(), *store);
  }
  std::string failed(const ProbeTask& task) {
    std::string names;
    for (const ProbeCheck& check : answer(task).checks)
      if (!check.ok) names += check.name + ": " + check.text + "\n";
    return names;
  }
};

TEST(Probe, AGoodWorkerFindsNothingWrongAndLeavesItsMark) {
  Scene scene;
  const ProbeAnswer answer = scene.answer(scene.probe);
  ASSERT_EQ(answer.checks.size(), 3u);
  EXPECT_EQ(scene.failed(scene.probe), "");
  EXPECT_EQ(sha256_hex(scene.store->get(answer.written_ref)), answer.written_checksum);
  EXPECT_EQ(answer.worker.slots, 3);
  EXPECT_EQ(answer.worker.numerics_version, kNumericsVersion);
  EXPECT_FALSE(answer.worker.host.empty());
}

TEST(Probe, EachThingThatIsWrongIsOneFailedCheck) {
  Scene scene;
  ProbeTask probe = scene.probe;
  probe.frame_sha256 = sha256_hex("another frame");
  EXPECT_THAT(scene.failed(probe), HasSubstr("frames: "));
  probe = scene.probe;
  probe.frame_path = "../frame.fits";
  EXPECT_THAT(scene.failed(probe), HasSubstr("frames: "));
  probe = scene.probe;
  probe.object_checksum = sha256_hex("another object");
  EXPECT_THAT(scene.failed(probe), HasSubstr("storage: "));
  EXPECT_EQ(scene.answer(probe).written_ref, "");
  probe = scene.probe;
  probe.numerics_version = "0";
  EXPECT_THAT(scene.failed(probe), HasSubstr("numerics: this worker computes with numerics version " +
                                             std::string(kNumericsVersion) + ", the master with 0"));
}

TEST(Probe, MessagesAreReadBackAndAnyTruncationIsRefused) {
  Scene scene;
  const std::string probe = encode_probe(scene.probe),
                    answer = encode_probe_answer(scene.answer(scene.probe));
  EXPECT_EQ(encode_probe(decode_probe(probe)), probe);
  EXPECT_EQ(encode_probe_answer(decode_probe_answer(answer)), answer);
  EXPECT_TRUE(is_probe(probe));
  EXPECT_FALSE(is_probe(R"({"task_type": "tile_compute", "note": "probe"})"));
  for (std::size_t size = 0; size < probe.size(); ++size)
    EXPECT_THROW(decode_probe(probe.substr(0, size)), InputError) << size;
  for (std::size_t size = 0; size < answer.size(); ++size)
    EXPECT_THROW(decode_probe_answer(answer.substr(0, size)), InputError) << size;
}

TEST(Probe, AWorkersTransportAnswersProbesAndPassesTasks) {
  Scene scene;
  MemoryBroker broker;
  const auto master = broker.connect();
  const auto worker =
      answer_probes(broker.connect(), worker_facts("w", 3), scene.folder.path(), *scene.store);
  master->declare(compute_queue_spec(false));
  master->declare(results_queue_spec("tile.results.here", false));
  const auto send = [&](const std::string& body, const std::string& reply_to) {
    Message message;
    message.body = body;
    message.reply_to = reply_to;
    master->publish(kTaskExchange, kComputeQueue, message).get();
  };
  send(encode_probe(scene.probe), "tile.results.here");
  send(encode_probe(scene.probe), "tile.results.gone");
  send(R"({"task_type": "probe"})", "tile.results.here");
  send(R"({"task_type": "tile_compute"})", "tile.results.here");
  worker->consume(kComputeQueue, 10);
  const auto task = worker->receive(2s);
  ASSERT_TRUE(task.has_value());
  EXPECT_THAT(task->message.body, HasSubstr("tile_compute"));
  EXPECT_EQ(master->inspect("tile.results.here")->messages, 1u);
  EXPECT_EQ(master->inspect(kComputeQueue)->messages, 0u);
  master->consume("tile.results.here", 1);
  EXPECT_EQ(decode_probe_answer(master->receive(1s)->message.body).worker.worker_id, "w");
}

}  // namespace
}  // namespace tilecompile
