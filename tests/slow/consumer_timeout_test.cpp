// A broker with a short consumer_timeout takes its channel from a worker that computes for too long.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>

#include <algorithm>
#include <sstream>

#include "broker/private_broker.hpp"
#include "system/program.hpp"
#include "system/started_program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

/// User time of a thread in clock ticks.
long ticks_of(const fs::path& thread) {
  const std::string stat = file_text(thread / "stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  long ticks = 0;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  fields >> ticks;
  return ticks;
}

/// Holds up the thread of a process that has computed most; the others, such as the one that talks to the
/// broker, go on.
class HeldThread {
 public:
  explicit HeldThread(pid_t process) {
    long most = -1;
    for (const auto& thread : fs::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
      const long ticks = ticks_of(thread.path());
      if (ticks <= most) continue;
      most = ticks;
      thread_ = std::stoi(thread.path().filename().string());
    }
    held_ = ptrace(PTRACE_SEIZE, thread_, nullptr, nullptr) == 0 &&
            ptrace(PTRACE_INTERRUPT, thread_, nullptr, nullptr) == 0 &&
            waitpid(thread_, nullptr, __WALL) == thread_;
  }
  ~HeldThread() {
    if (held_) ptrace(PTRACE_DETACH, thread_, nullptr, nullptr);
  }
  HeldThread(const HeldThread&) = delete;
  HeldThread& operator=(const HeldThread&) = delete;
  bool held() const { return held_; }

 private:
  pid_t thread_ = 0;
  bool held_ = false;
};

TEST(ConsumerTimeout, TakesTheTaskFromASlowWorkerAndTheRunStillEndsRight) {
  if (!PrivateBroker::installed()) GTEST_SKIP() << "RabbitMQ is not installed";
  PrivateBroker broker("consumer_timeout = 3000\n");
  const TempDir folder;
  const std::string port = std::to_string(broker.port());
  ASSERT_EQ(run_program("simulate '" + (folder / "night").string() +
                        "' --frames 30 --width 600 --height 400 --stars 150 --drift 20 --seed 31")
                .exit_code,
            0);
  const auto words = [&](const std::string& mode, const std::string& id) {
    return std::vector<std::string>{mode,       (folder / "night/run.yaml").string(),
                                    "--run-id", id,
                                    "--output", (folder / "out").string(),
                                    "--set",    "tile.min_size=48",
                                    "--set",    "parallel.batch=1000",
                                    "--set",    "broker.port=" + port};
  };
  const auto worker = [&](const std::string& name) {
    return std::make_unique<StartedProgram>(
        std::vector<std::string>{"worker", "--worker_id", name, "--broker.port", port, "--input.dir",
                                 (folder / "night/frames").string(), "--storage.root",
                                 (folder / "out").string(), "--parallel.threads", "1", "--log-level",
                                 "debug"},
        folder / (name + ".log"));
  };
  const std::string alone = new_uuid(), id = new_uuid();
  StartedProgram reference(words("run", alone), folder / "reference.log");
  ASSERT_EQ(reference.wait(), 0) << reference.text();

  StartedProgram master(words("master", id), folder / "master.log");
  const auto slow = worker("slow");
  ASSERT_TRUE(slow->wait_for("tile done")) << slow->text();
  {
    const HeldThread held(slow->pid());
    ASSERT_TRUE(held.held()) << "cannot hold up a thread: ptrace is not allowed";
    // RabbitMQ looks once a minute.
    ASSERT_TRUE(slow->wait_for("delivery acknowledgement on channel")) << slow->text();
    const auto quick = worker("quick");
    ASSERT_EQ(master.wait(), 0) << master.text() << quick->text();
    EXPECT_NE(quick->text().find("tile done"), std::string::npos);
    quick->send(SIGTERM);
    EXPECT_EQ(quick->wait(), 143) << quick->text();
  }
  EXPECT_EQ(product_digests(folder / "out" / id), product_digests(folder / "out" / alone));
  slow->send(SIGTERM);
  EXPECT_EQ(slow->wait(), 143) << slow->text();
  EXPECT_EQ(slow->text().find(" error "), std::string::npos) << slow->text();
}

}  // namespace
}  // namespace tilecompile
