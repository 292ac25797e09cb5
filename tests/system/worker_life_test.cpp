// How a worker process lives and ends, over a real broker.
#include "worker_life.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;

TEST_F(WorkerLife, SigtermEndsAfterTheCurrentTileAndHandsBackTheRest) {
  const auto master = start_master({"--set", "parallel.batch=1000"});  // one task holds all tiles
  const auto first = start_worker("first");
  ASSERT_TRUE(first->wait_for("tile done")) << first->text();
  first->send(SIGTERM);
  EXPECT_EQ(first->wait(), 143) << first->text();
  const std::size_t done = count_of(first->text(), "tile done");
  const auto second = start_worker("second");
  expect_reference(*master);
  const int tiles = run_record(*folder_ / "out" / id_).at("tiles").at("count");
  EXPECT_LT(done, static_cast<std::size_t>(tiles));
  EXPECT_EQ(done + count_of(second->text(), "tile done"), static_cast<std::size_t>(tiles));
}

TEST_F(WorkerLife, ASecondSignalEndsItAtOnceAndLosesNothing) {
  const auto master = start_master({"--set", "parallel.batch=4"});
  const auto first = start_worker("first");
  ASSERT_TRUE(first->wait_for("tile done")) << first->text();
  first->send(SIGTERM);
  first->send(SIGINT);
  const int code = first->wait();
  EXPECT_TRUE(code == 130 || code == 143) << code;
  const auto second = start_worker("second");
  expect_reference(*master);
}

TEST_F(WorkerLife, HealthFollowsTheBroker) {
  const std::string file = (*folder_ / (id_ + ".health")).string();
  const auto ask = [&] { return run_program("health '" + file + "' --max-age 8"); };
  EXPECT_EQ(ask().exit_code, 5);
  const auto worker = start_worker("patient", {"--observability.health_file", file});
  ASSERT_TRUE(worker->run_until([&] { return ask().exit_code == 0; })) << worker->text();
  EXPECT_NE(ask().text.find("patient consumes tasks"), std::string::npos);
  broker_->pause();
  EXPECT_TRUE(worker->run_until([&] { return ask().exit_code == 5; }));
  EXPECT_NE(ask().text.find("has not heard from the broker"), std::string::npos) << ask().text;
  broker_->resume();
  EXPECT_TRUE(worker->run_until([&] { return ask().exit_code == 0; })) << worker->text();
  worker->send(SIGTERM);
  EXPECT_EQ(worker->wait(), 143);
  EXPECT_FALSE(fs::exists(file));
}

TEST_F(WorkerLife, ASignalDuringAnOutageEndsItSoon) {
  const auto worker = start_worker("lonely", {"--observability.health_file", (*folder_ / "lonely").string()});
  ASSERT_TRUE(worker->wait_for("worker is ready"));
  broker_->kill9();
  ASSERT_TRUE(worker->wait_for("lost the connection"));
  const auto began = std::chrono::steady_clock::now();
  worker->send(SIGTERM);
  worker->wait();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
  broker_->start();
}

TEST_F(WorkerLife, KilledLocalWorkersAreReplaced) {
  const auto master = start_master({"--workers", "2", "--set", "parallel.batch=2"});
  ASSERT_TRUE(master->run_until([&] {
    return fs::exists(*folder_ / "out" / id_ / "tiles") && !fs::is_empty(*folder_ / "out" / id_ / "tiles");
  })) << master->text();
  std::istringstream pids(run_shell("pgrep -P " + std::to_string(master->pid())).text);
  int killed = 0;
  for (pid_t pid = 0; pids >> pid;)
    if (pid > 1) killed += kill(pid, SIGKILL) == 0 ? 1 : 0;
  EXPECT_EQ(killed, 2);
  expect_reference(*master);
  EXPECT_NE(master->text().find("another takes its place"), std::string::npos) << master->text();
}

TEST_F(WorkerLife, StorageThatIsAwayForAWhileIsWaitedFor) {
  const fs::path shared = *folder_ / "shared", away = *folder_ / "unmounted";
  fs::create_directory(shared);
  const auto master = start_master(
      {"--set", "storage.root=" + shared.string(), "--set", "parallel.batch=2", "--set", "retry.base_s=1"});
  const auto worker = start_worker("w", {}, shared);
  ASSERT_TRUE(worker->wait_for("tile done")) << worker->text();
  fs::rename(shared, away);
  EXPECT_TRUE(master->wait_for("a tile is tried again later")) << master->text();
  EXPECT_TRUE(worker->wait_for("exists and is mounted")) << worker->text();
  fs::rename(away, shared);
  expect_reference(*master);
}

TEST_F(WorkerLife, MemoryStaysBelowTheLimit) {
  // All frames of a full-width band take 60 * 900 * 48 * 4 bytes = 10 MB; three threads and one more band.
  // Beside it each thread holds a frame of 900 x 400 px as floats, with a copy to sort.
  const auto master = start_master({"--set", "parallel.memory_limit_mb=16"});
  const auto worker = start_worker("small", {"--parallel.threads", "3", "--parallel.memory_limit_mb", "16"});
  expect_reference(*master);
  const std::string status = file_text("/proc/" + std::to_string(worker->pid()) + "/status");
  ASSERT_NE(status.find("VmHWM:"), std::string::npos) << status;
  const double peak_mb = std::stod(status.substr(status.find("VmHWM:") + 6)) / 1024;
  EXPECT_GT(peak_mb, 8);
  EXPECT_LT(peak_mb, 16 + 40 + 3 * 2 * 1.4);
  std::printf("peak memory of the worker: %.1f MB\n", peak_mb);
}

}  // namespace
}  // namespace tilecompile
