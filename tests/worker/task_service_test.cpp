#include "worker/task_service.hpp"

#include "faulty_store.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "worker_night.hpp"

namespace tilecompile {
namespace {

TileTask task_of_tile(const WorkerNight& night, int tile_id) {
  TileTask task = night.task_template;
  task.correlation_id.back() = static_cast<char>('0' + tile_id);
  task.tiles = {{tile_id, night.grid.tiles[static_cast<std::size_t>(tile_id)], 0, "", ""}};
  return task;
}

TEST(TaskService, ATaskThatIsComputedAloneMakesRoomWhateverBecomesOfIt) {
  const WorkerNight night;
  FaultyStore store(*night.store, [&](const std::string& key) {
    if (key == tile_key(night.run_id, 1)) throw TransientError("no space left");
  });
  RunContexts runs = night.contexts();
  MemoryBroker broker;
  const auto worker = broker.connect(), master = broker.connect();
  worker->declare(compute_queue_spec(false));
  const std::string answers = results_queue(night.run_id, Isolation::kRun);
  master->declare(results_queue_spec(answers, false));
  master->consume(answers, 100);
  worker->consume(kComputeQueue, 100);
  const std::atomic<bool> stop{false};
  const WorkerOptions options{"w", 1, 1};
  TaskService service(*worker, store, runs, options, stop);
  const auto serve = [&](int tile_id, TaskCare care, const std::string& reply_to) {
    Message task = task_message(task_of_tile(night, tile_id), {1, care}, reply_to);
    master->publish(kTaskExchange, kComputeQueue, task).get();
    service.serve(worker->receive(std::chrono::seconds(30)).value());
  };
  serve(0, TaskCare::kNone, answers);
  serve(1, TaskCare::kAlone, answers);                       // its tile cannot be written
  serve(2, TaskCare::kAlone, answers + " of an ended run");  // it cannot be announced
  serve(3, TaskCare::kNone, answers);
  std::vector<std::string> heard;
  while (const auto answer = master->receive(std::chrono::milliseconds(0))) {
    const ResultMessage result = decode_result(answer->message.body);
    heard.push_back(std::to_string(result.tile_id) + (result.begun     ? " begun"
                                                      : result.failure ? " failed"
                                                                       : " done"));
  }
  EXPECT_EQ(heard, (std::vector<std::string>{"0 done", "1 begun", "1 failed", "3 done"}));
}

}  // namespace
}  // namespace tilecompile
