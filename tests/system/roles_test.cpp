#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <future>
#include <nlohmann/json.hpp>

#include "broker/private_broker.hpp"
#include "hand_worker.hpp"
#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string first_line(const std::filesystem::path& file) {
  const std::string text = file_text(file);
  return text.substr(0, text.find('\n'));
}

/// A broker that booted from the definitions file of `setup`, with nothing else in it.
class Roles : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    folder_ = new TempDir();
    const auto made = run_program("simulate --profile v2 " + night() +
                                  " --frames 12 --width 300 --height 200 --stars 80 --drift 10 --seed 6");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    const auto printed = run_shell(std::string("'") + program_path() + "' setup " + night() + "/run.yaml" +
                                   vhost() + " --print-definitions --passwords '" + passwords() + "' > '" +
                                   definitions().string() + "'");
    ASSERT_EQ(printed.exit_code, 0) << printed.text;
    broker_ = new PrivateBroker("load_definitions = " + definitions().string() + "\n");
  }
  static void TearDownTestSuite() {
    delete broker_;
    delete folder_;
  }
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    broker_->wait_until_quiet("observatory");  // the workers of the case before
  }

  static std::string night() { return (*folder_ / "night").string(); }
  static std::string passwords() { return (*folder_ / "passwords").string(); }
  static std::filesystem::path definitions() { return *folder_ / "definitions.json"; }
  static std::string vhost() { return " --set broker.vhost=observatory"; }
  static std::string login(const std::string& role) {
    return vhost() + " --set broker.port=" + std::to_string(broker_->port()) +
           " --set broker.user=tilecompile-" + role + " --set broker.password_file='" + passwords() + "/" +
           role + ".password'";
  }
  static std::unique_ptr<Transport> party(const std::string& role, const std::string& where = "observatory") {
    AmqpOptions options;
    options.port = broker_->port();
    options.vhost = where;
    options.user = "tilecompile-" + role;
    options.password = first_line(passwords() + "/" + role + ".password");
    return connect_amqp(options);
  }
  static QueueSpec queue(const std::string& name) {
    QueueSpec spec;
    spec.name = name;
    return spec;
  }
  static void publish(Transport& party, const std::string& exchange, const std::string& name,
                      const std::string& body = "{}") {
    Message message;
    message.body = body;
    party.publish(exchange, name, message).get();
  }

  static inline TempDir* folder_ = nullptr;
  static inline PrivateBroker* broker_ = nullptr;
};

TEST_F(Roles, TheDefinitionsHoldHashesOnlyAndPasswordsAreForTheOwner) {
  const std::string text = file_text(definitions());
  for (const char* role : {"master", "worker", "monitor"}) {
    const std::filesystem::path file = passwords() + "/" + role + ".password";
    ASSERT_GE(first_line(file).size(), 32u) << role;
    EXPECT_EQ(text.find(first_line(file)), std::string::npos) << role;
    EXPECT_EQ(std::filesystem::status(file).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << role;
  }
  const auto again =
      run_shell(std::string("'") + program_path() + "' setup " + night() + "/run.yaml" + vhost() +
                " --print-definitions --passwords '" + passwords() + "' 2>/dev/null");
  const auto first = nlohmann::json::parse(text), second = nlohmann::json::parse(again.text);
  EXPECT_NE(first["users"][0]["password_hash"], second["users"][0]["password_hash"]) << "salt is not random";
  EXPECT_EQ(first["queues"], second["queues"]);
}

TEST_F(Roles, TheImportedQueuesAreThoseThatSetUpDeclares) {
  for (int turn = 0; turn < 2; ++turn) {
    const auto ended = run_program("setup " + night() + "/run.yaml" + login("master"));
    EXPECT_EQ(ended.exit_code, 0) << ended.text;
    EXPECT_THAT(ended.text, HasSubstr("tile.compute"));
  }
  const auto refused = run_program("setup " + night() + "/run.yaml" + login("worker"));
  EXPECT_EQ(refused.exit_code, 2) << refused.text;
  EXPECT_THAT(refused.text, HasSubstr("ACCESS_REFUSED"));
  EXPECT_THAT(broker_->ctl("list_policies -p observatory"), HasSubstr("tilecompile-diagnostics"));
  EXPECT_THAT(broker_->ctl("list_users"), HasSubstr("monitoring"));
  EXPECT_THAT(broker_->ctl("list_users"), Not(HasSubstr("guest")));
}

TEST_F(Roles, EachRoleMayDoItsOwnAndNothingElse) {
  struct Row {
    const char* what;
    std::function<void(Transport&)> action;
    bool master, worker, monitor;
  };
  const auto consume = [](const char* name) { return [name](Transport& p) { p.consume(name, 1); }; };
  const auto announce = [](Transport& p) {
    try {
      publish(p, "tilecompile.events", "run");
    } catch (const UnroutableError&) {
      return;  // nobody listens: that is no refusal
    }
  };
  const std::vector<Row> rows = {
      {"declare a queue", [](Transport& p) { p.declare(queue("tile.results.x")); }, true, false, false},
      {"declare a foreign queue", [](Transport& p) { p.declare(queue("mine")); }, false, false, false},
      {"publish a task", [](Transport& p) { publish(p, "tilecompile.tasks", "tile.compute"); }, true, false,
       false},
      {"put a task on the back-off ladder",
       [](Transport& p) { publish(p, "tilecompile.tasks", "tile.retry.2"); }, true, false, false},
      {"publish a task past the exchange", [](Transport& p) { publish(p, "", "tile.compute"); }, true, false,
       false},
      {"publish a result", [](Transport& p) { publish(p, "tilecompile.results", "tile.results"); }, false,
       true, false},
      {"publish a dead letter past the exchange", [](Transport& p) { publish(p, "", "tile.dlq"); }, true,
       false, false},
      {"publish a dead letter", [](Transport& p) { publish(p, "tilecompile.results", "tile.dlq"); }, false,
       true, false},
      {"take tasks", consume("tile.compute"), true, true, false},
      {"read results", consume("tile.results"), true, false, false},
      {"read dead letters", consume("tile.dlq"), true, false, false},
      {"take diagnostics", consume("tile.diagnostics"), true, false, false},
      {"tell everyone", announce, true, false, false},
      {"look whether a queue exists", [](Transport& p) { (void)p.inspect("tile.results"); }, true, true,
       true},
      {"remove a queue", [](Transport& p) { p.remove_queue("tile.results.x"); }, true, false, false},
  };
  std::printf("  %-34s master worker monitor\n", "");
  for (const Row& row : rows) {
    std::string cells;
    for (const auto& [role, allowed] : std::map<std::string, bool>{
             {"master", row.master}, {"monitor", row.monitor}, {"worker", row.worker}}) {
      const auto transport = party(role);
      std::string refusal;
      try {
        row.action(*transport);
      } catch (const Error& error) {
        refusal = error.what();
      }
      EXPECT_EQ(refusal.empty(), allowed) << role << ": " << row.what << ": " << refusal;
      if (!allowed) {
        EXPECT_THAT(refusal, HasSubstr("ACCESS_REFUSED")) << role << ": " << row.what;
      }
      cells += "  " + role + " " + (refusal.empty() ? "yes" : "no");
      transport->close();
    }
    std::printf("  %-34s%s\n", row.what, cells.c_str());
  }
}

// What lies on a rung of the ladder becomes a task, so a rung must not be within a worker's reach.
TEST_F(Roles, AWorkerReachesNoQueueThatLeadsToTheTasks) {
  const auto worker = party("worker"), master = party("master");
  const std::string smuggled = R"({"from": "a worker"})";
  int rungs = 0;
  const auto file = nlohmann::json::parse(file_text(definitions()));
  for (const auto& queue : file.at("queues")) {
    const std::string name = queue.at("name");
    const nlohmann::json target = queue.at("arguments").value("x-dead-letter-routing-key", nlohmann::json());
    if (target != "tile.compute" && name != "tile.compute") continue;
    rungs += name == "tile.compute" ? 0 : 1;
    EXPECT_THROW(publish(*worker, "tilecompile.results", name, smuggled), UnroutableError) << name;
    for (const char* exchange : {"tilecompile.tasks", ""})
      EXPECT_THROW(publish(*worker, exchange, name, smuggled), AccessRefused) << exchange << " " << name;
  }
  EXPECT_GT(rungs, 5);
  std::printf("  worker: %d rungs of the ladder and tile.compute tried over 3 exchanges, none reached\n",
              rungs);
  // Others may have left tasks there; what lies on the rung of two seconds comes within that time.
  master->consume("tile.compute", 100);
  while (const auto task = master->receive(std::chrono::seconds(3))) {
    EXPECT_NE(task->message.body, smuggled);
    master->ack(task->tag);
  }
}

TEST_F(Roles, NobodyEntersAnotherVhost) {
  broker_->ctl("add_vhost elsewhere");
  for (const char* role : {"master", "worker", "monitor"}) {
    try {
      party(role, "elsewhere");
      ADD_FAILURE() << role;
    } catch (const UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr("no access to virtual host 'elsewhere'"));
    }
  }
}

TEST_F(Roles, ARunOfMasterAndWorkerUsersGivesTheBitsOfTheReferenceRun) {
  broker_->ctl("purge_queue -p observatory tile.compute");  // left by the matrix
  const std::string id = new_uuid(), alone = new_uuid(), output = (*folder_ / "out").string();
  const std::string common =
      " " + night() + "/run.yaml --quiet --set tile.min_size=64 --output '" + output + "' ";
  std::filesystem::create_directories(output);
  const auto reference = run_program("run" + common + "--run-id " + alone);
  ASSERT_EQ(reference.exit_code, 0) << reference.text;
  const auto ended =
      run_shell(std::string("'") + program_path() + "' worker --input.dir '" + night() +
                "/frames' --storage.root '" + output + "'" + login("worker") + " > '" + output +
                "/worker.log' 2>&1 & worker=$!; '" + program_path() + "' master" + common + "--run-id " + id +
                login("master") + "; code=$?; kill $worker; wait $worker; exit $code");
  ASSERT_EQ(ended.exit_code, 0) << ended.text << file_text(output + "/worker.log");
  EXPECT_EQ(product_digests(output + "/" + id), product_digests(output + "/" + alone));
  EXPECT_THAT(broker_->queues("messages", "observatory"), Not(HasSubstr(id)));
  for (const char* role : {"master", "worker"}) {
    const std::string secret = first_line(passwords() + "/" + role + ".password");
    EXPECT_THAT(file_text(output + "/worker.log"), Not(HasSubstr(secret)));
    EXPECT_THAT(file_text(output + "/" + id + "/run.json"), Not(HasSubstr(secret)));
    EXPECT_THAT(file_text(output + "/" + id + "/events.jsonl"), Not(HasSubstr(secret)));
  }
}

// Workers only answer: the master sends again what they hand back, and what failed for now after a wait.
TEST_F(Roles, TilesOfAWorkerThatStopsOrFailsForNowAreDoneWithTheSameBits) {
  const fs::path big = *folder_ / "big", output = big / "out", shared = big / "shared", away = big / "away";
  const auto made = run_program("simulate --profile v2 '" + big.string() +
                                "' --frames 40 --width 900 --height 400 --stars 150 --drift 20 --seed 23");
  ASSERT_EQ(made.exit_code, 0) << made.text;
  for (const fs::path& one : {output, shared}) fs::create_directories(one);
  const std::string id = new_uuid(), alone = new_uuid();
  const std::string common = " " + (big / "run.yaml").string() +
                             " --quiet --set tile.min_size=48 --output '" + output.string() + "' --run-id ";
  const auto reference = run_program("run" + common + alone);
  ASSERT_EQ(reference.exit_code, 0) << reference.text;
  const auto worker = [&](const std::string& name) {
    return std::make_unique<HandWorker>(folder_->path(), name,
                                        "--input.dir '" + (big / "frames").string() +
                                            "' --parallel.threads 1 --storage.root '" + shared.string() +
                                            "'" + login("worker"));
  };
  auto master = std::async(std::launch::async, [&] {
    return run_program("master" + common + id + login("master") +
                       " --set retry.base_s=1 --set parallel.batch=1000 --set storage.root='" +
                       shared.string() + "'");
  });
  const auto first = worker("first");
  EXPECT_TRUE(first->wait_for("tile done")) << first->text();
  first->end(SIGTERM);
  EXPECT_TRUE(first->wait_for("exit 143")) << first->text();
  const auto second = worker("second");
  EXPECT_TRUE(second->wait_for("tile done")) << second->text();
  fs::rename(shared, away);
  EXPECT_TRUE(second->wait_for("tile failed")) << second->text();
  fs::rename(away, shared);
  const ProgramOutput ended = master.get();
  EXPECT_EQ(ended.exit_code, 0) << ended.text << first->text() << second->text();
  EXPECT_EQ(product_digests(output / id), product_digests(output / alone));
  const std::string events = file_text(output / id / "events.jsonl");
  for (const char* event : {"tile_handed_back", "tile_failed", "tile_retried"})
    EXPECT_THAT(events, HasSubstr(event));
  EXPECT_THAT(first->text(), HasSubstr("tiles are handed back to the master"));
}

TEST_F(Roles, AWorkerWithoutQueuesSaysWhoMustDeclareThem) {
  broker_->ctl("add_vhost empty");
  broker_->ctl(
      "set_permissions -p empty tilecompile-worker '^$' '^tilecompile\\.results$' '^tile\\.compute$'");
  const auto ended =
      run_program("worker --broker.connect_timeout_s 5" + login("worker") + " --set broker.vhost=empty");
  EXPECT_EQ(ended.exit_code, 2) << ended.text;
  EXPECT_THAT(ended.text, HasSubstr("tilecompile setup RUN.yaml"));
}

}  // namespace
}  // namespace tilecompile
