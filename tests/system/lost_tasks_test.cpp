// Tasks that somebody takes off the queue, which a worker's rights allow.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>

#include "broker/shared_broker.hpp"
#include "hand_worker.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

int count_of(const std::string& text, const std::string& word) {
  int found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(LostTasks, APurgedQueueIsNoticedWithinSecondsAndCostsNoBit) {
  TILECOMPILE_NEEDS_RABBITMQ
  PrivateBroker& broker = shared_broker();
  const TempDir folder;
  const auto path = [&](const char* name) { return (folder.path() / name).string(); };
  const auto made = run_program("simulate '" + path("night") +
                                "' --frames 30 --width 600 --height 400 --stars 150 --drift 10 --seed 5");
  ASSERT_EQ(made.exit_code, 0) << made.text;
  std::filesystem::create_directories(path("out"));
  const std::string id = new_uuid(), alone = new_uuid();
  const std::string common = " '" + path("night") + "/run.yaml' --quiet --output '" + path("out") +
                             "' --set tile.min_size=32 --set tile.size_factor=8 --set parallel.batch=1" +
                             " --set validation.max_background_rms_increase_percent=1000" +
                             " --set validation.require_no_tile_pattern=false --run-id ";
  const auto reference = run_program("run" + common + alone);
  ASSERT_EQ(reference.exit_code, 0) << reference.text;

  auto master = std::async(std::launch::async, [&] {
    return run_program("master" + common + id + " --set broker.port=" + std::to_string(broker.port()));
  });
  HandWorker worker(folder.path(), "slow",
                    "--parallel.threads 1 --input.dir '" + path("night") + "/frames' --storage.root '" +
                        path("out") + "' --broker.port " + std::to_string(broker.port()));
  const auto events = [&] { return file_text(path("out") + "/" + id + "/events.jsonl"); };
  ASSERT_TRUE(worker.wait_for("tile done")) << worker.text();
  worker.end(SIGSTOP);              // so that tasks are left when the queue is emptied, however quick it is
  std::this_thread::sleep_for(3s);  // the master looks every two seconds, and learns what workers hold
  ASSERT_EQ(count_of(events(), "tasks_published"), 1);
  broker.ctl("purge_queue tile.compute");
  const auto purged = std::chrono::steady_clock::now();
  EXPECT_TRUE(comes_true([&] { return count_of(events(), "tasks_published") > 1; }));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - purged).count();
  worker.end(SIGCONT);
  EXPECT_LT(seconds, 20) << "silence would be noticed after 30 s";
  const ProgramOutput ended = master.get();
  EXPECT_EQ(ended.exit_code, 0) << ended.text;
  EXPECT_EQ(product_digests(path("out") + "/" + id), product_digests(path("out") + "/" + alone));
  std::printf("  published again %.1f s after the purge\n", seconds);
}

}  // namespace
}  // namespace tilecompile
