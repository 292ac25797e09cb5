// Dead letters as an operator handles them, and the envelope that tasks travel in.

#include "tilecompile/operate/dead_letters.hpp"

#include "faulty_store.hpp"
#include "mill.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "whole_night.hpp"

namespace tilecompile {
namespace {

using std::chrono::seconds;

TEST(DeadLetters, AreShownKeptTriedAgainAndDropped) {
  WholeNight night;
  Mill mill(night);
  night.job.max_failed_tiles = 2;
  bool repaired = false;
  FaultyStore store(*night.store, [&](const std::string& key) {
    for (const int id : {1, 3})
      if (!repaired && key == tile_key(night.run_id, id)) throw InputError("the frame is another one");
  });
  mill.add_worker(store);
  const TileLedger ledger = mill.start().get();
  EXPECT_EQ(ledger.failed(), 2);
  const auto party = mill.connect();
  std::vector<std::string> ids;
  std::string refusal;
  visit_dead_letters(*party, [&](const DeadLetter& letter) {
    ids.push_back(letter.id);
    EXPECT_EQ(letter.run_id, night.run_id);
    EXPECT_EQ(letter.kind, "input");
    EXPECT_EQ(letter.worker_id, "w");
    try {
      retry_dead_letter(*party, letter);
    } catch (const TransientError& e) {
      refusal = e.what();
    }
    return LetterFate::kKeep;
  });
  EXPECT_EQ(ids, (std::vector<std::string>{night.run_id + ":1", night.run_id + ":3"}));
  EXPECT_NE(refusal.find("--resume"), std::string::npos) << refusal;
  // Once a master waits again, the task goes its way.
  party->declare(results_queue_spec(results_queue(night.run_id, Isolation::kRun), false));
  repaired = true;
  visit_dead_letters(*party, [&](const DeadLetter& letter) {
    if (letter.tiles.front() == 3) retry_dead_letter(*party, letter);
    return LetterFate::kDrop;
  });
  party->consume(results_queue(night.run_id, Isolation::kRun), 10);
  const ResultMessage result = decode_result(party->receive(seconds(30)).value().message.body);
  EXPECT_EQ(result.tile_id, 3);
  EXPECT_FALSE(result.failure);
  EXPECT_TRUE(mill.dead_letters().empty());
}

TEST(DeadLetters, AreNamedByTheFirstCharactersOfTheirRun) {
  const std::string id = "66666666-7777-4888-9999-aaaaaaaaaaaa:17";
  for (const char* given : {"66666666-7777-4888-9999-aaaaaaaaaaaa:17", "6666:17", "6:17"})
    EXPECT_TRUE(names_letter(given, id)) << given;
  for (const char* given : {"", ":17", "6666", "6666:1", "6666:7", "67:17", "6666:"})
    EXPECT_FALSE(names_letter(given, id)) << given;
}

TEST(TaskEnvelope, TravelsInHeaders) {
  WholeNight night;
  const TileTask task = make_tasks(night.job).front();
  for (const TaskCare care : {TaskCare::kNone, TaskCare::kAnnounce, TaskCare::kAlone}) {
    TaskEnvelope envelope{4, care, "diagnostics"};
    const Message message = task_message(task, envelope, "answers");
    const TaskEnvelope read = read_envelope(message);
    EXPECT_EQ(read.attempt, 4);
    EXPECT_EQ(read.care, care);
    EXPECT_EQ(read.diagnostics_queue, "diagnostics");
    EXPECT_EQ(message.reply_to, "answers");
  }
  EXPECT_EQ(read_envelope(Message{}).attempt, 1);
  EXPECT_EQ(read_envelope(Message{}).care, TaskCare::kNone);
}

TEST(TaskEnvelope, HeadersThatCannotBeRightAreRefused) {
  for (const char* text : {"0", "-1", "x", "1e9", "99999999999999999999"}) {
    Message message;
    message.headers[kAttemptHeader] = text;
    EXPECT_THROW(read_envelope(message), InputError) << text;
  }
  for (const char* text : {"none", "Alone", "alone ", "2"}) {
    Message message;
    message.headers[kCareHeader] = text;
    EXPECT_THROW(read_envelope(message), InputError) << text;
  }
  for (const char* name : {kCareHeader, kDiagnosticsHeader, kAttemptHeader}) {
    Message message;
    message.headers[name] = std::string(60000, '1');
    EXPECT_THROW(read_envelope(message), InputError) << name;
  }
}

}  // namespace
}  // namespace tilecompile
