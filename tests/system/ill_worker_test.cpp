// Workers that cannot work beside workers that can, over a real broker: the night is not lost, and whoever
// looks sees which worker it is and why.
#include <nlohmann/json.hpp>

#include "broker/patience.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "worker_life.hpp"

namespace tilecompile {
namespace {

class IllWorker : public WorkerLife {
 protected:
  /// The frames' names, and other bytes in them: last night's folder, or copies cut short.
  static fs::path other_frames() {
    const fs::path folder = *folder_ / "other";
    if (!fs::create_directory(folder)) return folder;
    for (const auto& frame : fs::directory_iterator(*folder_ / "night/frames"))
      std::ofstream(folder / frame.path().filename()) << "not that frame";
    return folder;
  }
  std::unique_ptr<StartedProgram> start_ill_worker(const std::string& name, const fs::path& frames) const {
    return std::make_unique<StartedProgram>(
        std::vector<std::string>{"worker", "--worker_id", name, "--broker.port", port(), "--input.dir",
                                 frames.string(), "--storage.root", (*folder_ / "out").string(),
                                 "--parallel.threads", "2"},
        *folder_ / (id_ + name + ".log"));
  }
  std::string status(const std::string& flags = "") const {
    return run_program("status " + id_ + " --output '" + (*folder_ / "out").string() + "' " + flags).text;
  }
  nlohmann::json worker_record(const std::string& name) const {
    const nlohmann::json record = run_record(*folder_ / "out" / id_);
    for (const auto& worker : record.at("workers"))
      if (worker.at("worker_id") == name) return worker;
    return {};
  }
};

TEST_F(IllWorker, OneWithOtherFramesCostsTheHealthyOnesNothing) {
  const auto bad = start_ill_worker("bad", other_frames());
  ASSERT_TRUE(bad->wait_for("worker is ready")) << bad->text();
  const auto master = start_master();
  ASSERT_TRUE(bad->wait_for("takes no tasks for now")) << bad->text();
  ASSERT_TRUE(master->wait_for("a worker takes no tasks for now")) << master->text();
  ASSERT_TRUE(master->wait_for("the run stands still")) << master->text();
  EXPECT_NE(status().find("every task fails"), std::string::npos) << status();
  EXPECT_NE(status().find("worker     bad: 0 tiles"), std::string::npos) << status();
  EXPECT_NE(status("--json").find("\"troubles\":{\"bad\""), std::string::npos) << status("--json");
  const auto good = start_worker("good");
  expect_reference(*master);
  EXPECT_NE(master->text().find("the run goes on"), std::string::npos) << master->text();
  EXPECT_LE(count_of(master->text(), "not that frame"), 0u);
  EXPECT_LE(count_of(master->text(), "this host holds other frames"), 8u) << master->text();
  EXPECT_GE(worker_record("bad").at("failures"), 1);
  EXPECT_NE(worker_record("bad").at("last_failure").get<std::string>().find("other frames"),
            std::string::npos);
  EXPECT_EQ(worker_record("good").at("tiles"), run_record(*folder_ / "out" / id_).at("tiles").at("count"));
}

TEST_F(IllWorker, OneWithOtherFramesAloneEndsTheRunWithItsReason) {
  const auto bad = start_ill_worker("bad", other_frames());
  const auto master = start_master();
  EXPECT_EQ(master->wait(), 4) << master->text();
  EXPECT_NE(master->text().find("this host holds other frames"), std::string::npos) << master->text();
  EXPECT_LE(count_of(bad->text(), "tile failed"), 10u) << bad->text();
}

TEST_F(IllWorker, FoldersThatAreNotThereAreWaitedFor) {
  const fs::path mount = *folder_ / "mount";
  fs::create_directory(mount);
  const auto late = start_ill_worker("late", mount);
  ASSERT_TRUE(late->wait_for("is not ready")) << late->text();
  const auto master = start_master();
  ASSERT_TRUE(master->wait_for("the run stands still, waiting for workers")) << master->text();
  ASSERT_TRUE(master->wait_for("a worker takes no tasks for now")) << master->text();
  EXPECT_NE(status().find("waiting for workers"), std::string::npos) << status();
  EXPECT_NE(status().find("is empty: probably nothing is mounted there"), std::string::npos) << status();
  const auto verified = run_program("verify '" + (*folder_ / "night/run.yaml").string() + "' --output '" +
                                    (*folder_ / "verify").string() + "' --set broker.port=" + port());
  EXPECT_NE(verified.text.find("FAIL  worker late: takes tasks"), std::string::npos) << verified.text;
  EXPECT_EQ(late->text().find("worker is ready"), std::string::npos);
  fs::remove(mount);
  fs::create_directory_symlink(*folder_ / "night/frames", mount);
  expect_reference(*master);
  EXPECT_NE(late->text().find("worker is ready"), std::string::npos) << late->text();
  EXPECT_EQ(count_of(late->text(), "is not ready"), 1u) << late->text();
}

TEST_F(IllWorker, ASignalEndsOneThatWaits) {
  const std::string file = (*folder_ / "waits.health").string();
  const auto worker = std::make_unique<StartedProgram>(
      std::vector<std::string>{"worker", "--worker_id", "w", "--broker.port", port(), "--input.dir",
                               (*folder_ / "nowhere").string(), "--storage.root", (*folder_ / "out").string(),
                               "--observability.health_file", file},
      *folder_ / (id_ + "w.log"));
  ASSERT_TRUE(worker->run_until([&] {
    return run_program("health '" + file + "'").text.find("takes no tasks for now") != std::string::npos;
  })) << worker->text();
  worker->send(SIGTERM);
  EXPECT_EQ(worker->wait(), 143) << worker->text();
}

TEST_F(IllWorker, TwoOfOneNameAreNamedByVerify) {
  const auto first = start_worker("twin"), second = start_worker("twin", {"--parallel.threads", "1"});
  ASSERT_TRUE(first->run_until([&] {
    return file_text(*folder_ / (id_ + "twin.log")).find("worker is ready") != std::string::npos &&
           broker_->queues("consumers").find("tile.compute\t2") != std::string::npos;
  }));
  const auto verified = run_program("verify '" + (*folder_ / "night/run.yaml").string() + "' --output '" +
                                    (*folder_ / "verify").string() + "' --set storage.root='" +
                                    (*folder_ / "out").string() + "' --set broker.port=" + port());
  EXPECT_NE(verified.text.find("several workers have the same worker_id: twin on host"), std::string::npos)
      << verified.text;
  EXPECT_NE(verified.text.find("ok    clocks"), std::string::npos) << verified.text;
  EXPECT_NE(verified.text.find("ok    versions"), std::string::npos) << verified.text;
}

TEST_F(IllWorker, ARunDirectoryThatIsMovedAwayIsMissedAtOnceAndWaitedFor) {
  const fs::path shared = *folder_ / "shared-storage", run = *folder_ / "out" / id_, away = *folder_ / "away";
  fs::create_directory(shared);
  const auto master = start_master({"--set", "storage.root=" + shared.string(), "--set", "parallel.batch=2"});
  const auto worker = start_worker("w", {}, shared);
  ASSERT_TRUE(worker->wait_for("tile done")) << worker->text();
  fs::rename(run, away);
  ASSERT_TRUE(master->wait_for("the run directory " + run.string() + " is gone")) << master->text();
  fs::rename(away, run);
  expect_reference(*master);
  EXPECT_EQ(count_of(master->text(), " is gone"), 1u) << master->text();
  EXPECT_NE(master->text().find("the run goes on"), std::string::npos) << master->text();
}

// The group's signal and the master's are one wish, not two: the workers finish their tiles.
TEST_F(IllWorker, ASignalToTheGroupComesToLocalWorkersOnce) {
  const std::string log = (*folder_ / (id_ + ".group")).string();
  std::string command = "setsid '" + program_path() + "' master";
  for (const std::string& word : words(id_)) command += " '" + word + "'";
  command +=
      " --workers 2 --set broker.port=" + port() + " > '" + log + "' 2>&1 & echo $! > '" + log + ".pid'";
  run_shell(command);
  const fs::path tiles = *folder_ / "out" / id_ / "tiles";
  ASSERT_TRUE(comes_true([&] { return fs::exists(tiles) && !fs::is_empty(tiles); })) << file_text(log);
  pid_t leader = 0;
  std::ifstream(log + ".pid") >> leader;
  ASSERT_GT(leader, 1);
  ASSERT_EQ(getpgid(leader), leader) << "setsid made it the leader of a group of its own";
  EXPECT_EQ(kill(-leader, SIGTERM), 0);
  ASSERT_TRUE(comes_true([&] { return file_text(log).find("stopped by signal") != std::string::npos; }))
      << file_text(log);
  EXPECT_EQ(count_of(file_text(log), "worker has stopped"), 2u) << file_text(log);
}

}  // namespace
}  // namespace tilecompile
