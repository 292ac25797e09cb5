#include <gtest/gtest.h>
#include <signal.h>

#include <future>
#include <thread>

#include "broker/patience.hpp"
#include "broker/private_broker.hpp"
#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kHuge = 100u << 20;
constexpr std::size_t kMostOfRabbit4 = 16u << 20;  // it refuses larger messages itself

/// A worker process that is told to stop at the end.
class Stranger {
 public:
  Stranger(const std::filesystem::path& folder, const std::string& flags) : pid_file_(folder / "worker.pid") {
    process_ = std::async(std::launch::async, [this, flags] {
      return run_shell(std::string("'") + program_path() + "' worker " + flags + " & echo $! > '" +
                       pid_file_.string() + "'; wait $!");
    });
  }
  /// Its exit code and what it printed.
  ProgramOutput stop() {
    pid_t pid = 0;
    std::ifstream(pid_file_) >> pid;
    if (pid > 1 && process_.wait_for(0s) != std::future_status::ready) kill(pid, SIGTERM);
    return process_.get();
  }

 private:
  std::filesystem::path pid_file_;
  std::future<ProgramOutput> process_;
};

// False when the broker itself refuses a message of this size.
bool send(Transport& party, const std::string& queue, const std::string& body) {
  Message message;
  message.body = body;
  try {
    party.publish("", queue, std::move(message)).get();
  } catch (const Error&) {
    if (body.size() < kMostOfRabbit4) throw;
    return false;
  }
  return true;
}

std::vector<std::string> hostile_bodies() {
  return {"",
          std::string(1 << 20, '['),
          "\xff\xfe",
          "{\"schema\": 1e999}",
          "{\"schema\": NaN}",
          R"({"schema": 1, "task_type": "tile_compute"})",
          std::string(kHuge, ' ')};
}

TEST(HostileMessages, HarmNeitherWorkerNorMaster) {
  TILECOMPILE_NEEDS_RABBITMQ
  const PrivateBroker broker;
  const TempDir folder;
  const std::string night = folder / "night", out = folder / "out";
  ASSERT_EQ(
      run_program("simulate --profile v2 '" + night + "' --frames 12 --width 200 --height 130 --stars 60")
          .exit_code,
      0);
  const std::string id = new_uuid(), reference = new_uuid();
  const auto arguments = [&](const std::string& run_id) {
    return "'" + night + "/run.yaml' --quiet --set tile.min_size=48 --run-id " + run_id + " --output '" +
           out + "'";
  };
  const ProgramOutput alone = run_program("run " + arguments(reference));
  ASSERT_TRUE(alone.exit_code == 0 || alone.exit_code == 3) << alone.text;
  const std::string port = std::to_string(broker.port());
  auto master = std::async(std::launch::async, [&] {
    return run_program("master " + arguments(id) + " --set broker.port=" + port);
  });
  AmqpOptions options;
  options.port = broker.port();
  options.password = "guest";
  options.max_body_bytes = 2 * kHuge;
  const auto party = connect_amqp(options);
  const std::string results = "tile.results." + id;
  ASSERT_TRUE(comes_true([&] { return party->inspect(results).has_value(); }))
      << "the master never waited for results";
  bool huge_taken = false;  // the last one
  for (const std::string& body : hostile_bodies()) {
    send(*party, results, body);
    huge_taken = send(*party, "tile.compute", body);
  }
  Stranger worker(folder.path(),
                  "--input.dir '" + night + "/frames' --storage.root '" + out + "' --broker.port " + port);
  const ProgramOutput ended = master.get();
  EXPECT_EQ(ended.exit_code, alone.exit_code) << ended.text;
  EXPECT_EQ(product_digests(folder / ("out/" + id)), product_digests(folder / ("out/" + reference)));
  const std::size_t expected = hostile_bodies().size() - 1;  // all but the one that is rejected unread
  for (int i = 0; i < 1500 && party->inspect("tile.dlq")->messages < expected; ++i)
    std::this_thread::sleep_for(20ms);  // the run may end before the worker has seen all of them
  const ProgramOutput served = worker.stop();
  EXPECT_EQ(served.exit_code, 143) << served.text;
  EXPECT_EQ(served.text.find("larger than the limit") != std::string::npos, huge_taken) << served.text;
  party->consume("tile.dlq", 100);
  std::size_t kept = 0;
  while (const auto dead = party->receive(2s)) {
    party->ack(dead->tag);
    ++kept;
  }
  EXPECT_EQ(kept, expected);
  party->close();
}

}  // namespace
}  // namespace tilecompile
