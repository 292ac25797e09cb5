#include <future>
#include <limits>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/fits/tile_file.hpp"
#include "tilecompile/night/stored_tile.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/diagnostics_sender.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "tilecompile/worker/worker.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
using std::chrono::seconds;

/// Bodies that are no task and no result, made from one that is.
std::vector<std::string> hostile_bodies(const std::string& good) {
  std::vector<std::string> bodies = {"",
                                     std::string(100000, '['),
                                     std::string(100000, '{'),
                                     "\xff\xfe\xe2\x82",
                                     std::string(good.size(), '\0'),
                                     good + good,
                                     "[" + good + "]"};
  for (std::size_t n = 0; n < good.size(); n += 7) bodies.push_back(good.substr(0, n));
  for (std::size_t i = 0; i < good.size(); i += 5) {
    bodies.push_back(good);
    bodies.back()[i] = static_cast<char>(good[i] ^ 0x80);  // never UTF-8 in text of ASCII
  }
  for (const char* value : {"NaN", "1e999", "-1", "99999999999999999999", "\"\\ud800\"", "[[[[[[[[]]]]]]]]"})
    for (const char* key : {"\"schema\":", "\"tile_id\":"}) {
      std::string body = good;
      const std::size_t at = body.find(key);
      if (at == std::string::npos) continue;
      const std::size_t begin = at + std::string(key).size();
      body.replace(begin, body.find_first_of(",}", begin) - begin, value);
      bodies.push_back(body);
    }
  return bodies;
}

const std::string kForbidden = "a.queue.of.somebody.alone";

/// A party that may not look at one queue.
class ShutOut : public ForwardingTransport {
 public:
  using ForwardingTransport::ForwardingTransport;
  std::optional<QueueState> inspect(const std::string& name) override {
    if (name == kForbidden) throw UsageError("cannot inspect queue '" + name + "': RESOURCE_LOCKED");
    return ForwardingTransport::inspect(name);
  }
};

/// A worker in a thread, and the test as its master.
class Guest {
 public:
  explicit Guest(WholeNight& night)
      : night_(night), runs_(night.contexts()), worker_(std::make_unique<ShutOut>(broker_.connect())) {
    worker_->declare(compute_queue_spec(false));
    worker_->declare(dead_letter_queue_spec(false));
    serving_ = std::async(std::launch::async, [this] {
      run_worker(*worker_, *night_.store, runs_, {"w", 2, 2}, stop_);
    });
  }
  ~Guest() {
    stop_ = true;
    EXPECT_NO_THROW(serving_.get());
  }
  void send(const std::string& queue, const std::string& body) {
    Message message;
    message.body = body;
    send(queue, message);
  }
  void send(const std::string& queue, const Message& message) { party->publish("", queue, message).get(); }
  std::vector<Message> dead_letters() {
    party->consume(kDeadLetterQueue, 10000);
    std::vector<Message> letters;
    while (const auto dead = party->receive(seconds(1))) letters.push_back(dead->message);
    return letters;
  }
  /// Runs the night to its end; returns how many tiles the master took.
  int run() {
    RunDirectory directory(night_.folder() / "out", night_.run_id);
    const auto master = broker_.connect();
    int accepted = 0;
    TestObserver observer([&](const ResultMessage&, const TileFile&) { ++accepted; });
    dispatch_tiles(night_.job, {*master, *night_.store, directory}, observer);
    return accepted;
  }

 private:
  WholeNight& night_;
  MemoryBroker broker_;
  RunContexts runs_;
  std::unique_ptr<Transport> worker_;
  std::atomic<bool> stop_{false};
  std::future<void> serving_;

 public:
  std::unique_ptr<Transport> party = broker_.connect();
};

TEST(Hostile, TasksOfEverySortAreKeptWithTheirReasonAndTheWorkerGoesOn) {
  WholeNight night;
  night.job.batch = 1;
  const std::string good = encode_task(make_tasks(night.job).front());
  const auto bodies = hostile_bodies(good);
  ASSERT_GT(bodies.size(), 200u);
  Guest guest(night);
  for (const std::string& body : bodies) guest.send(kComputeQueue, body);
  EXPECT_EQ(guest.run(), static_cast<int>(night.grid.tiles.size()));
  const auto letters = guest.dead_letters();
  for (const Message& letter : letters) EXPECT_NE(letter.headers.at(kReasonHeader), "");
  EXPECT_EQ(letters.size(), bodies.size());
}

// What the envelope of a task can say to make the handling of the task fail, not the task itself.
TEST(Hostile, EnvelopesOfEverySortAreKeptWithTheirReasonAndTheWorkerGoesOn) {
  WholeNight night;
  Guest guest(night);
  Message good;
  good.body = encode_task(make_tasks(night.job).front());
  std::vector<Message> hostile(7, good);
  hostile[0].headers[kAttemptHeader] = "0";
  hostile[1].headers[kCareHeader] = std::string(65000, 'd');
  hostile[2].headers[kDiagnosticsHeader] = std::string(60000, 'q');
  hostile[3].headers[kCareHeader] = "careful";
  hostile[4].headers[kAttemptHeader] = std::string(60000, '9');
  hostile[5].body = "not a task";
  hostile[5].headers["a-header-of-theirs"] = std::string(65400, 'h');
  hostile[6].body = "not a task";
  for (int i = 0; i < 1500; ++i) hostile[6].headers["header-" + std::to_string(i)] = "value of it";
  for (const Message& message : hostile) guest.send(kComputeQueue, message);
  EXPECT_EQ(guest.run(), static_cast<int>(night.grid.tiles.size()));
  const auto letters = guest.dead_letters();
  EXPECT_EQ(letters.size(), hostile.size());
  for (const Message& letter : letters) {
    EXPECT_NE(letter.headers.at(kReasonHeader), "");
    EXPECT_EQ(letter.headers.at(kWorkerHeader), "w");
    EXPECT_EQ(letter.headers.at(kKindHeader), "input");
  }
}

// Nobody can be told; it is dropped like the tasks of a run that has ended.
TEST(Hostile, AnswersAskedForOnAQueueOfSomebodyElseAreDroppedAndTheWorkerGoesOn) {
  WholeNight night;
  Guest guest(night);
  Message task;
  task.body = encode_task(make_tasks(night.job).front());
  task.reply_to = kForbidden;
  for (int i = 0; i < 3; ++i) guest.send(kComputeQueue, task);
  EXPECT_EQ(guest.run(), static_cast<int>(night.grid.tiles.size()));
  EXPECT_TRUE(guest.dead_letters().empty());
}

TEST(Hostile, ReferencesOfATaskNeverLeaveTheStorage) {
  WholeNight night;
  const std::filesystem::path secret = night.folder() / "secret.json";
  std::ofstream(secret) << encode_frame_metrics(night.analysis.metrics);
  std::filesystem::create_symlink(secret, night.folder() / "store/link.json");
  const json good = json::parse(encode_task(make_tasks(night.job).front()));
  for (const std::string& ref : {std::string("../secret.json"), secret.string(), std::string("link.json"),
                                 night.run_id + "/../../secret.json", std::string(), std::string("a\0b", 3),
                                 std::string(300, 'a'), std::string(2000, '/')}) {
    json task = good;
    task["metrics_config"]["frame_metrics_ref"] = ref;
    RunContexts runs = night.contexts();
    int results = 0;
    execute_task(task.dump(), runs, *night.store, {"w", 1}, [&](const ResultMessage& r) {
      ++results;
      ASSERT_TRUE(r.failure) << ref;
      EXPECT_EQ(r.failure->kind, ErrorKind::kInput) << r.failure->text;
    });
    EXPECT_GT(results, 0);
  }
}

/// A result for the first tile of the night, whose object is `bytes` under `key`.
ResultMessage result_for(const WholeNight& night, const std::string& key, const std::string& bytes) {
  ResultMessage result;
  result.run_id = night.run_id;
  result.worker_id = "stranger";
  result.data_ref = key;
  result.data_checksum = sha256_hex(bytes);
  return result;
}

TEST(Hostile, ReferencesOfAResultNeverLeaveTheStorage) {
  WholeNight night;
  const Box box = night.grid.tiles.front();
  const std::filesystem::path secret = night.folder() / "secret";
  std::ofstream(secret) << "secret";
  std::filesystem::create_symlink(secret, night.folder() / "store/link");
  for (const std::string& ref : {std::string("../secret"), secret.string(), std::string("link"),
                                 std::string("a/../../secret"), std::string("/etc/passwd")}) {
    try {
      load_tile(*night.store, result_for(night, ref, "secret"), box, 1);
      FAIL() << ref << " was read";
    } catch (const InputError& e) {
      EXPECT_NE(std::string(e.what()).find("refused"), std::string::npos) << e.what();
    }
  }
}

TEST(Hostile, TilesOfWrongShapeTypeOrValueAreRefused) {
  WholeNight night;
  const Box box = night.grid.tiles.front();
  std::vector<ResultMessage> results;
  RunContexts runs = night.contexts();
  execute_task(encode_task(make_tasks(night.job).front()), runs, *night.store, {"w", 1},
               [&](const ResultMessage& r) { results.push_back(r); });
  const TileFile good = decode_tile_file(night.store->get(results.front().data_ref));
  EXPECT_NO_THROW(load_tile(*night.store, results.front(), box, 1));
  const auto refused = [&](const std::string& bytes) {
    night.store->put("odd", bytes);
    EXPECT_THROW(load_tile(*night.store, result_for(night, "odd", bytes), box, 1), InputError);
  };
  EXPECT_THROW(load_tile(*night.store, results.front(), box, 3), InputError);
  TileFile other = good;
  other.box.x0 += 1;
  refused(encode_tile_file(other));
  other = good;
  other.tile_id = 1;
  refused(encode_tile_file(other));
  other = good;
  for (float& v : other.pixels[0].samples()) v = std::numeric_limits<float>::quiet_NaN();
  refused(encode_tile_file(other));
  other = good;
  other.weight[0].samples()[0] = -1;
  refused(encode_tile_file(other));
  const std::filesystem::path integers = night.folder() / "integers.fits";
  write_image(integers, std::vector<Plane<std::uint16_t>>{Plane<std::uint16_t>(box.w, box.h, 7)}, {});
  std::ifstream in(integers, std::ios::binary);
  refused({std::istreambuf_iterator<char>(in), {}});
  refused("");
  refused(std::string(1 << 20, 'x'));
}

}  // namespace
}  // namespace tilecompile
