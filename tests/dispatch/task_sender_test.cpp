#include "dispatch/task_sender.hpp"

#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "test_data.hpp"
#include "tilecompile/base/interrupted.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/storage/memory_store.hpp"

namespace tilecompile {
namespace {

/// A broker that takes messages, and confirms them when the test says so.
class Silent : public ForwardingTransport {
 public:
  using ForwardingTransport::ForwardingTransport;
  std::future<void> publish(const std::string& /*exchange*/, const std::string& /*queue*/,
                            Message /*message*/) override {
    return unconfirmed.emplace_back().get_future();
  }
  std::vector<std::promise<void>> unconfirmed;
};

/// Ends the run as soon as it has to wait.
class Hasty : public RoundObserver {
 public:
  void accept(const ResultMessage& /*result*/, TileFile /*file*/) override {}
  void check_stop() override {
    if (hasty) throw Interrupted{15};
  }
  bool hasty = true;
};

TEST(TaskSender, WaitsForTheBrokerWhileManyTasksAreUnconfirmed) {
  const TempDir folder;
  MemoryBroker broker;
  Silent transport(broker.connect());
  const auto store = open_memory_store();
  RunDirectory directory(folder.path(), "66666666-7777-4888-9999-aaaaaaaaaaaa");
  const TileRound round;
  const RoundPlace place{transport, *store, directory};
  Hasty observer;
  TaskSender sender(round, place, observer, "tile.results");
  TileTask task;
  task.tiles = {{0, {0, 0, 1, 1}, 0, "", ""}};
  const auto send_all = [&] {
    while (transport.unconfirmed.size() < 1000) sender.send(task, {}, 0);
  };
  EXPECT_THROW(send_all(), Interrupted);
  EXPECT_EQ(transport.unconfirmed.size(), 256u);
  transport.unconfirmed.front().set_value();
  observer.hasty = false;
  sender.send(task, {}, 0);
  observer.hasty = true;
  EXPECT_THROW(send_all(), Interrupted);
  EXPECT_EQ(transport.unconfirmed.size(), 257u) << "one was confirmed, one more was sent";
}

}  // namespace
}  // namespace tilecompile
