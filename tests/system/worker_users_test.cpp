// Workers with users of their own on the broker: nobody answers under the name of another.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "broker/private_broker.hpp"
#include "hand_worker.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;
using testing::Not;

/// A broker with the users that `setup` makes for two workers, and a night with its reference run.
class WorkerUsers : public testing::Test {
 protected:
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    const auto made = run_program("simulate --profile v2 '" + path("night") +
                                  "' --frames 12 --width 300 --height 200 --stars 80 --drift 10 --seed 6");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    std::ofstream(path("night") + "/run.yaml", std::ios::app)
        << "workers:\n  - {id: barn}\n  - {id: dome}\nbroker: {vhost: observatory, roles: own}\n";
    const auto printed = run_shell(std::string("'") + program_path() + "' setup '" + path("night") +
                                   "/run.yaml' --print-definitions --passwords '" + path("secrets") +
                                   "' > '" + path("definitions.json") + "'");
    ASSERT_EQ(printed.exit_code, 0) << printed.text;
    broker_ = std::make_unique<PrivateBroker>("load_definitions = " + path("definitions.json") + "\n");
    std::filesystem::create_directories(path("out"));
    const auto reference = run_program("run" + common(alone_));
    ASSERT_EQ(reference.exit_code, 0) << reference.text;
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  std::string common(const std::string& id) const {
    return " '" + path("night") + "/run.yaml' --quiet --set tile.min_size=64 --output '" + path("out") +
           "' --run-id " + id;
  }
  std::string login(const std::string& user) const {
    return " --set broker.port=" + std::to_string(broker_->port()) + " --set broker.user=tilecompile-" +
           user + " --set broker.password_file='" + path("secrets") + "/" + user + ".password'";
  }
  /// A worker of that name, who logs in as `user`.
  std::unique_ptr<HandWorker> start_worker(const std::string& id, const std::string& user,
                                           const std::string& roles = "own") const {
    return std::make_unique<HandWorker>(
        folder_.path(), id,
        "--input.dir '" + path("night") + "/frames' --parallel.threads 1 --storage.root '" + path("out") +
            "' --set broker.vhost=observatory --set broker.roles=" + roles + login(user));
  }
  std::future<ProgramOutput> start_master() const {
    return std::async(std::launch::async,
                      [this] { return run_program("master" + common(id_) + login("master")); });
  }
  std::string events() const { return file_text(path("out") + "/" + id_ + "/events.jsonl"); }
  nlohmann::json record() const {
    return nlohmann::json::parse(file_text(path("out") + "/" + id_ + "/run.json"));
  }
  int rejected(const std::string& worker) const {
    int count = 0;
    const nlohmann::json all = record();
    for (const auto& one : all.at("workers"))
      if (one.at("worker_id") == worker) count = one.at("rejected");
    return count;
  }
  void expect_reference(std::future<ProgramOutput>& master) const {
    const ProgramOutput ended = master.get();
    EXPECT_EQ(ended.exit_code, 0) << ended.text;
    EXPECT_EQ(product_digests(path("out") + "/" + id_), product_digests(path("out") + "/" + alone_));
  }

  TempDir folder_;
  std::unique_ptr<PrivateBroker> broker_;
  const std::string id_ = new_uuid(), alone_ = new_uuid();
};

TEST_F(WorkerUsers, ThoseWithTheirOwnUserServeTheRun) {
  const auto barn = start_worker("barn", "worker.barn"), dome = start_worker("dome", "worker.dome");
  const auto verified = run_program("verify '" + path("night") + "/run.yaml' --set storage.root='" +
                                    path("out") + "' --output '" + path("out") + "'" + login("master"));
  EXPECT_EQ(verified.exit_code, 0) << verified.text;
  EXPECT_THAT(verified.text, HasSubstr("answers as tilecompile-worker.dome"));
  auto master = start_master();
  expect_reference(master);
  EXPECT_THAT(events(), Not(HasSubstr("result_rejected")));
  EXPECT_EQ(rejected("barn") + rejected("dome"), 0);
}

TEST_F(WorkerUsers, OneThatAnswersUnderTheNameOfAnotherOrUnderNoneCountsForNothing) {
  const auto forger = start_worker("barn", "worker.dome");
  const auto verified = run_program("verify '" + path("night") + "/run.yaml' --set storage.root='" +
                                    path("out") + "' --output '" + path("out") + "'" + login("master"));
  EXPECT_EQ(verified.exit_code, 3) << verified.text;
  EXPECT_THAT(verified.text, HasSubstr("FAIL  worker barn: user"));
  auto master = start_master();
  const auto nameless = start_worker("nameless", "worker.dome", "none");
  expect_reference(master);
  EXPECT_THAT(events(), HasSubstr("the user tilecompile-worker.dome, expected tilecompile-worker.barn"));
  EXPECT_THAT(events(), HasSubstr("no user by name, expected tilecompile-worker.nameless"));
  EXPECT_GE(rejected("barn"), 1);
  EXPECT_GE(rejected("nameless"), 1);
  const nlohmann::json all = record();
  for (const auto& worker : all.at("workers")) EXPECT_EQ(worker.at("tiles"), 0) << worker;
  EXPECT_TRUE(all.at("audit").at("distrusted_workers").empty()) << "a name can be forged";
}

TEST_F(WorkerUsers, WithoutUsersForTheWorkersItIsSaidAtOnce) {
  const auto ended = run_program("master" + common(id_) + login("master") + " --workers 1");
  EXPECT_EQ(ended.exit_code, 2) << ended.text;
  EXPECT_THAT(ended.text, HasSubstr("--workers"));
  const auto refused =
      run_program("setup '" + path("night") + "/run.yaml' --set workers=[] --print-definitions");
  EXPECT_EQ(refused.exit_code, 2) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("name the workers in 'workers'"));
}

}  // namespace
}  // namespace tilecompile
