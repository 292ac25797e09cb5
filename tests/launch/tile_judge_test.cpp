// Workers that give wrong tiles, forged answers, or none at all: the run ends with the tiles of an honest
// one, and the log names who was wrong.
#include <deque>

#include "court.hpp"
#include "faulty_store.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/protocol/task_message.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;

using Names = std::vector<std::string>;

void scale(TileFile& file) {
  for (Plane<float>& plane : file.pixels)
    for (float& v : plane.samples()) v *= 1.0005F;
}

TEST(TileJudge, AnHonestRunAuditsAllItsTilesAndFindsNothing) {
  WholeNight night;
  Court court(night);
  court.add_worker("a");
  court.add_worker("b");
  auto run = court.start();
  court.end(run);
  EXPECT_EQ(court.book.audits, static_cast<int>(court.honest.size()));
  EXPECT_EQ(court.book.contradictions, 0);
  EXPECT_EQ(court.book.own_tiles, 0);
  EXPECT_TRUE(court.book.distrusted().empty());
}

TEST(TileJudge, WorkersAuditEachOtherAndTheRecordSaysWho) {
  WholeNight night;
  Court court(night);
  // As after a round in which the master has found both right.
  const double now_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  for (const char* id : {"a", "b"}) {
    court.book.heard(id, now_s);
    court.book.audited(id, kMasterName, true);
  }
  court.add_worker("a");
  court.add_worker("b");
  auto run = court.start();
  court.end(run);
  EXPECT_EQ(court.book.contradictions, 0);
  int found = 0, by_workers = 0;
  for (const auto& [who, tiles] : court.book.audits_by) {
    found += tiles;
    by_workers += who.second == kMasterName ? 0 : tiles;
    EXPECT_NE(who.first, who.second) << "a worker audits itself";
  }
  EXPECT_EQ(found, court.book.audits + 2);
  EXPECT_GT(by_workers, 0);
  EXPECT_NE(court.events().find("tile_audited"), std::string::npos);
}

TEST(TileJudge, OneWorkerAloneIsAuditedByTheMaster) {
  WholeNight night;
  Court court(night);
  court.add_worker("alone");
  auto run = court.start();
  court.end(run);
  const std::map<std::pair<std::string, std::string>, int> found{
      {{"alone", kMasterName}, static_cast<int>(court.honest.size())}};
  EXPECT_EQ(court.book.audits_by, found);
}

TEST(TileJudge, AWorkerThatLiesOnlyLaterIsFoundAndNamed) {
  WholeNight night;
  Court court(night);
  court.add_worker("honest");
  std::atomic<int> tiles{0};
  court.add_worker("turncoat", [&tiles](TileFile& f) {
    if (++tiles > 2) scale(f);  // the first of its tiles, which the master looks at, are right
  });
  auto run = court.start();
  court.end(run);
  EXPECT_EQ(court.book.distrusted(), tiles > 2 ? Names{"turncoat"} : Names{});
}

TEST(TileJudge, ALyingWorkerIsFoundNamedAndItsTilesComputedAgain) {
  WholeNight night;
  Court court(night);
  court.add_worker("honest-1");
  court.add_worker("liar", scale);
  auto run = court.start();
  court.end(run);
  EXPECT_EQ(court.book.distrusted(), Names{"liar"});
  EXPECT_GE(court.book.contradictions, 1);
  EXPECT_NE(court.events().find("worker_distrusted"), std::string::npos);
  for (const auto& [id, result] : court.accepted) EXPECT_NE(result.worker_id, "liar") << id;
}

TEST(TileJudge, TheFirstTileOfAWorkerIsAuditedWhateverTheShare) {
  WholeNight night;
  Court court(night);
  night.job.audit_percent = 1e-9;
  court.add_worker("liar", scale);
  court.add_worker("honest-1");
  auto run = court.start();
  court.end(run);
  EXPECT_EQ(court.book.distrusted(), Names{"liar"});
}

TEST(TileJudge, ALiarThatWasNamedRestsUntilAnotherWorkerComes) {
  WholeNight night;
  Court court(night);
  court.add_worker("liar", scale);
  auto run = court.start();
  EXPECT_TRUE(comes_true([&] { return court.events().find("worker_distrusted") != std::string::npos; }));
  court.add_worker("honest-late");
  court.end(run);
  EXPECT_EQ(court.book.distrusted(), Names{"liar"});
}

TEST(TileJudge, ObjectsOfAnotherRunAreRefusedAndTheirWorkerNamed) {
  WholeNight night;
  Court court(night);
  night.job.audit_percent = 0;
  court.add_worker("honest-1");
  court.add_worker("stale", [](TileFile& f) { f.config_hash = std::string(64, 'b'); });
  auto run = court.start();
  court.end(run);
  EXPECT_NE(court.events().find("another configuration"), std::string::npos);
  EXPECT_EQ(court.book.distrusted(), Names{"stale"});
}

TEST(TileJudge, ATileThatIsOddBesideTheClassicalStackIsComputedAgain) {
  WholeNight night;
  Court court(night);
  night.job.audit_percent = 0;
  court.add_worker("honest-1");
  court.add_worker("painter", [](TileFile& f) {
    for (float& v : f.pixels[0].samples()) v *= 1.2F;
  });
  auto run = court.start();
  court.end(run);
  EXPECT_EQ(court.book.distrusted(), Names{"painter"});
  EXPECT_GE(court.book.odd_tiles, 1);
}

TEST(TileJudge, PixelsThatNoFrameHasAreRefusedWithoutAnyAudit) {
  WholeNight night;
  Court court(night);
  night.job.audit_percent = 0;
  court.add_worker("honest-1");
  court.add_worker("broken", [](TileFile& f) { f.pixels[0].at(3, 3) = 3e38F; });
  auto run = court.start();
  court.end(run);
  EXPECT_EQ(court.book.distrusted(), Names{"broken"});
}

TEST(TileJudge, AMissingOrReplacedObjectEndsNothingAndBlamesNobody) {
  WholeNight night;
  Court court(night);
  night.job.retry.max_attempts = 1;
  const auto party = court.connect();
  party->consume(kComputeQueue, 1000);
  auto run = court.start();
  // One worker answers all tasks by hand: objects that are not there, or not what it says.
  for (std::size_t i = 0; i < court.honest.size(); ++i) {
    const auto delivery = party->receive(30s).value();
    const TileTask task = decode_task(delivery.message.body);
    RunContexts runs = night.contexts();
    execute_task(delivery.message.body, runs, *night.store, {"w", 1}, [&](const ResultMessage& r) {
      if (r.tile_id % 2 == 0)
        night.store->remove(r.data_ref);
      else
        night.store->put(r.data_ref, "half a ti");
      court.send(r);
    });
    party->ack(delivery.tag);
  }
  party->cancel(kComputeQueue);
  court.add_worker("honest-1");
  court.end(run);
  EXPECT_TRUE(court.book.distrusted().empty());
}

TEST(TileJudge, ForgedAnswersCountForNothing) {
  WholeNight night;
  Court court(night);
  const auto party = court.connect();
  party->consume(kComputeQueue, 1000);
  auto run = court.start();
  std::vector<Delivery> tasks;
  while (tasks.size() < court.honest.size()) tasks.push_back(party->receive(30s).value());
  RunContexts runs = night.contexts();
  for (const Delivery& delivery : tasks)
    execute_task(delivery.message.body, runs, *night.store, {"w", 1}, [&](const ResultMessage& r) {
      ResultMessage forged = r;
      forged.correlation_id = "00000000-0000-4000-8000-000000000000";
      forged.data_checksum = std::string(64, 'e');
      court.send(forged);
      forged = r;
      forged.worker_id = kMasterName;
      forged.correlation_id = "00000000-0000-4000-8000-000000000000";
      court.send(forged);
      forged = r;
      forged.tile_id = (r.tile_id + 1) % static_cast<int>(tasks.size());
      court.send(forged);
      forged = {};
      forged.run_id = r.run_id;
      forged.correlation_id = "00000000-0000-4000-8000-000000000000";
      forged.worker_id = "w";
      forged.tile_id = r.tile_id;
      forged.failure = TileFailure{ErrorKind::kContract, "the run shall end"};
      court.send(forged);
      court.send(r);
    });
  for (const Delivery& delivery : tasks) party->ack(delivery.tag);
  party->cancel(kComputeQueue);
  court.add_worker("honest-1");  // for what the forged answers have used up
  court.end(run);
  EXPECT_TRUE(court.book.distrusted().empty());
}

TEST(TileJudge, AForgedAttemptEndsNothing) {
  WholeNight night;
  Court court(night);
  court.add_worker("forger", {}, [](ResultMessage& r) { r.attempt = 1 << 19; });
  court.add_worker("honest-1");
  auto run = court.start();
  court.end(run);
  for (const auto& [id, result] : court.accepted) EXPECT_EQ(result.attempt, 1) << id;
}

TEST(TileJudge, ASecondResultThatContradictsIsSettledByTheMaster) {
  WholeNight night;
  Court court(night);
  night.job.audit_percent = 0;
  const auto party = court.connect();
  party->consume(kComputeQueue, 1000);
  auto run = court.start();
  std::vector<Delivery> tasks;
  while (tasks.size() < court.honest.size()) tasks.push_back(party->receive(30s).value());
  RunContexts runs = night.contexts();
  std::vector<ResultMessage> results;
  for (const Delivery& delivery : tasks)
    execute_task(delivery.message.body, runs, *night.store, {"w", 1},
                 [&](const ResultMessage& r) { results.push_back(r); });
  ResultMessage rival = results.front();
  rival.worker_id = "strange";
  rival.data_checksum = std::string(64, 'e');
  court.send(results.front());
  court.send(rival);
  for (std::size_t i = 1; i < results.size(); ++i) court.send(results[i]);
  court.end(run);
  EXPECT_EQ(court.book.distrusted(), Names{"strange"});
  EXPECT_EQ(court.accepted.at(0).worker_id, "w");
  EXPECT_NE(court.events().find("results_contradict"), std::string::npos);
}

/// A master whose own computation is different every time.
class Unsound : public OwnTiles {
 public:
  void ask(const TileTask& task, bool /*afresh*/) override {
    OwnTile own;
    own.result.run_id = task.run_id;
    own.result.correlation_id = task.correlation_id;
    own.result.tile_id = task.tiles.front().tile_id;
    own.result.data_checksum = std::string(64, static_cast<char>('a' + turn_++));
    answers_.push_back(own);
  }
  std::optional<OwnTile> answer() override {
    if (answers_.empty()) return std::nullopt;
    OwnTile own = answers_.front();
    answers_.pop_front();
    return own;
  }
  OwnTile compute(const TileTask& /*task*/) override { return {}; }

 private:
  int turn_ = 0;
  std::deque<OwnTile> answers_;
};

TEST(TileJudge, AMasterThatContradictsItselfRaisesTheAlarm) {
  WholeNight night;
  Court court(night);
  Unsound unsound;
  court.own = &unsound;
  court.add_worker("honest-1");
  auto run = court.start();
  try {
    run.get();
    FAIL() << "no alarm";
  } catch (const ContractError& e) {
    EXPECT_NE(std::string(e.what()).find("determinism alarm"), std::string::npos) << e.what();
  }
}

/// The master's own computation, which still has an answer of an earlier round to give.
class Belated : public OwnTiles {
 public:
  explicit Belated(OwnTiles& sound) : sound_(sound) {}
  void ask(const TileTask& task, bool afresh) override {
    OwnTile other;
    other.result = ResultMessage{};
    other.result.run_id = task.run_id;
    other.result.correlation_id = new_uuid();
    other.result.tile_id = task.tiles.front().tile_id;
    other.result.data_checksum = std::string(64, 'b');
    belated_.push_back(other);
    sound_.ask(task, afresh);
  }
  std::optional<OwnTile> answer() override {
    if (belated_.empty()) return sound_.answer();
    OwnTile own = belated_.front();
    belated_.pop_front();
    return own;
  }
  OwnTile compute(const TileTask& task) override { return sound_.compute(task); }

 private:
  OwnTiles& sound_;
  std::deque<OwnTile> belated_;
};

TEST(TileJudge, AnswersOfTheMasterToAnEarlierRoundDecideNothing) {
  WholeNight night;
  Court court(night);
  Belated belated(*court.own);
  court.own = &belated;
  court.add_worker("a");
  court.add_worker("b");
  auto run = court.start();
  court.end(run);
  EXPECT_EQ(court.book.contradictions, 0);
  EXPECT_TRUE(court.book.distrusted().empty());
}

}  // namespace
}  // namespace tilecompile
