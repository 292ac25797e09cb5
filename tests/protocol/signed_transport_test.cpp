#include "protocol/signed_transport.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <memory>

#include "test_data.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

const std::string kOld = "an old key of the observatory", kNew = "a new key of the observatory";
const std::string kResults = "tile.results.a-run";

Message task() {
  Message message;
  message.body = R"({"tile_id": 7})";
  message.message_id = "run:7";
  message.correlation_id = "correlation";
  message.reply_to = kResults;
  message.headers["x-tilecompile-attempt"] = "2";
  return message;
}

/// A broker with the queues of a run, a party that sees everything, and signing ones.
struct House {
  MemoryBroker broker;
  std::unique_ptr<Transport> plain = broker.connect();

  House() {
    plain->declare(compute_queue_spec(false));
    plain->declare(dead_letter_queue_spec(false));
    plain->declare(results_queue_spec(kResults, false));
    plain->declare(results_queue_spec("tile.results.other-run", false));
  }
  std::unique_ptr<Transport> party(const std::vector<std::string>& keys) {
    return sign_messages(broker.connect(), keys);
  }
  /// The task as it lies on the broker once `keys` have signed it.
  Message signed_task(const std::vector<std::string>& keys) {
    party(keys)->publish(kTaskExchange, kComputeQueue, task()).get();
    plain->consume(kComputeQueue, 1);
    const auto delivery = plain->receive(1s);
    plain->ack(delivery->tag);
    plain->cancel(kComputeQueue);
    return delivery->message;
  }
  /// Why `reader` refuses a task; empty when it takes it.
  std::string objection(Transport& reader, const Message& message) {
    plain->publish("", kComputeQueue, message).get();
    reader.consume(kComputeQueue, 1);
    const auto taken = reader.receive(2ms);  // the message is there already
    if (taken) reader.ack(taken->tag);
    reader.cancel(kComputeQueue);
    plain->consume(kDeadLetterQueue, 1);
    const auto dead = plain->receive(taken ? 0ms : 1000ms);
    plain->cancel(kDeadLetterQueue);
    if (taken.has_value() == dead.has_value()) return "neither taken nor kept, or both";
    if (!dead) return "";
    plain->ack(dead->tag);
    EXPECT_EQ(dead->message.body, message.body);
    return dead->message.headers.at("x-tilecompile-reason");
  }
};

TEST(SignedTransport, CarriesWhatIsSignedWithTheSameKey) {
  House house;
  const Message sent = house.signed_task({kOld});
  EXPECT_EQ(sent.headers.at(kSignatureHeader), message_signature(kOld, kComputeQueue, task()));
  EXPECT_EQ(house.objection(*house.party({kOld}), sent), "");
}

TEST(SignedTransport, EveryAlterationIsRefused) {
  House house;
  const Message sent = house.signed_task({kOld});
  const auto reader = house.party({kOld});
  const std::vector<std::function<void(Message&)>> alterations = {
      [](Message& m) { m.body[12] ^= 1; },
      [](Message& m) { m.body += " "; },
      [](Message& m) { m.message_id += "0"; },
      [](Message& m) { m.correlation_id = "another"; },
      [](Message& m) { m.reply_to = "tile.results.other-run"; },
      [](Message& m) { m.content_type = "text/plain"; },
      [](Message& m) { m.headers["x-tilecompile-attempt"] = "1"; },
      [](Message& m) { m.headers.erase("x-tilecompile-attempt"); },
      [](Message& m) { m.headers["x-tilecompile-worker"] = "me"; },
      // The same bytes, cut at another place.
      [](Message& m) { m.correlation_id += m.reply_to, m.reply_to = ""; },
  };
  for (std::size_t i = 0; i < alterations.size(); ++i) {
    Message altered = sent;
    alterations[i](altered);
    EXPECT_THAT(house.objection(*reader, altered), HasSubstr("altered")) << i;
  }
  Message unsigned_one = sent;
  unsigned_one.headers.erase(kSignatureHeader);
  EXPECT_THAT(house.objection(*reader, unsigned_one), HasSubstr("not signed"));
  // What a broker adds on the way is no alteration.
  Message travelled = sent;
  travelled.headers["x-first-death-reason"] = "expired";
  travelled.priority = 3;
  EXPECT_EQ(house.objection(*reader, travelled), "");
}

TEST(SignedTransport, EveryCharacterOfTheSignatureCounts) {
  House house;
  const Message sent = house.signed_task({kOld});
  const auto reader = house.party({kOld});
  const std::string signature = sent.headers.at(kSignatureHeader);
  ASSERT_EQ(signature.size(), 8u + 1 + 64) << "key id, colon, HMAC-SHA256";
  for (std::size_t i = 0; i < signature.size(); ++i) {
    Message altered = sent;
    char& digit = altered.headers[kSignatureHeader][i];
    digit = digit == '0' ? '1' : '0';
    EXPECT_THAT(house.objection(*reader, altered),
                i < 9 ? HasSubstr("with a key that is not") : HasSubstr("altered"))
        << i;
    altered.headers[kSignatureHeader] = signature.substr(0, i);
    EXPECT_NE(house.objection(*reader, altered), "") << "the first " << i;
  }
  Message longer = sent;
  longer.headers[kSignatureHeader] += "0";
  EXPECT_THAT(house.objection(*reader, longer), HasSubstr("altered"));
}

TEST(SignedTransport, HeadersWithoutRoomForTheReasonAreCut) {
  House house;
  Message full = house.signed_task({kOld});
  full.headers.erase(kSignatureHeader);
  std::size_t used = 0;
  for (const auto& [name, value] : full.headers) used += name.size() + value.size() + 16;
  full.headers["filler"] = std::string((64u << 10) - used - 16 - 6, 'f');  // all that a message may carry
  EXPECT_THAT(house.objection(*house.party({kOld}), full), HasSubstr("not signed"));
}

TEST(SignedTransport, AForeignKeyIsRefused) {
  House house;
  EXPECT_THAT(house.objection(*house.party({kOld}), house.signed_task({kNew})),
              HasSubstr("broker.message_key_file"));
}

TEST(SignedTransport, KeysAreExchangedWhileBothSidesWork) {
  House house;
  const std::vector<std::vector<std::string>> steps = {{kOld}, {kOld, kNew}, {kNew, kOld}, {kNew}};
  for (std::size_t i = 0; i + 1 < steps.size(); ++i)
    for (const auto& [writer, reader] :
         {std::pair(steps[i], steps[i + 1]), std::pair(steps[i + 1], steps[i])})
      EXPECT_EQ(house.objection(*house.party(reader), house.signed_task(writer)), "") << i;
}

TEST(SignedTransport, AResultForAnotherRunIsDropped) {
  House house;
  const auto worker = house.party({kOld}), master = house.party({kOld});
  Message result;
  result.body = "{}";
  worker->publish(kResultExchange, "tile.results.other-run", result).get();
  house.plain->consume("tile.results.other-run", 1);
  const auto stolen = house.plain->receive(1s);
  house.plain->publish(kResultExchange, kResults, stolen->message).get();
  worker->publish(kResultExchange, kResults, result).get();
  master->consume(kResults, 10);
  const auto taken = master->receive(1s);
  ASSERT_TRUE(taken.has_value());
  EXPECT_NE(taken->message.message_id, stolen->message.message_id);
  master->ack(taken->tag);
  EXPECT_FALSE(master->receive(50ms).has_value());
  EXPECT_EQ(house.plain->inspect(kResults)->messages, 0u);
}

TEST(SignedTransport, ATaskKeepsItsSignatureOnTheLadder) {
  House house;
  QueueSpec rung;
  rung.name = "tile.retry.1";
  rung.message_ttl_ms = 1;
  rung.dead_letter_queue = kComputeQueue;
  house.plain->declare(rung);
  const auto party = house.party({kOld});
  party->consume(kComputeQueue, 1);
  party->publish("", "tile.retry.1", task()).get();
  EXPECT_TRUE(party->receive(2s).has_value());
}

// Tasks are signed with the key that all share, results with the worker's own.
TEST(SignedTransport, WhoSignedIsWhoAnswers) {
  House house;
  const std::string a = std::string(20, 'a'), b = std::string(20, 'b');
  const auto master = house.party({kOld, a + " = barn-1", b + " = barn-2"});
  const auto worker = house.party({a + " = barn-1", kOld});
  const auto impostor = house.party({kOld});
  master->consume(kResults, 10);
  worker->publish("", kResults, task()).get();
  const auto came = master->receive(2s);
  ASSERT_TRUE(came);
  EXPECT_EQ(came->sender, "barn-1");
  impostor->publish("", kResults, task()).get();
  EXPECT_FALSE(master->receive(300ms)) << "a key that all share belongs to nobody";
  master->publish("", kComputeQueue, task()).get();
  worker->consume(kComputeQueue, 1);
  const auto taken = worker->receive(2s);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->sender, "");
}

TEST(SignedTransport, KeyFilesAreCheckedAndNeverQuoted) {
  const TempDir folder;
  const std::string file = (folder / "keys").string();
  const auto error = [&](const std::string& content) -> std::string {
    std::ofstream(file) << content;
    try {
      read_message_keys(file);
    } catch (const UsageError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(error(kOld + "\r\n\n" + kNew), "");
  EXPECT_EQ(read_message_keys(file), (std::vector<std::string>{kOld, kNew}));
  EXPECT_THAT(error("\n \n"), HasSubstr("no key"));
  EXPECT_THAT(error(kOld + "\nshort-secret\n"),
              testing::AllOf(HasSubstr("line 2"), Not(HasSubstr("secret"))));
  std::string own;
  for (int i = 0; i < 50; ++i)
    own += std::string(20, 'k') + std::to_string(i) + " = barn-" + std::to_string(i) + "\n";
  EXPECT_EQ(error(kOld + "\n" + own), "");
  EXPECT_THAT(error("short = barn-secret"), testing::AllOf(HasSubstr("line 1"), Not(HasSubstr("secret"))));
  EXPECT_THAT(error(kOld + " = barn, 2"), HasSubstr("worker_id"));
  EXPECT_THAT(error(kOld + "\n" + kOld + "\n" + kOld + "\n" + kOld + "\n" + kOld), HasSubstr("four"));
  EXPECT_THROW(read_message_keys((folder / "none").string()), UsageError);
  EXPECT_THROW(read_message_keys(folder.path().string()), UsageError);
}

}  // namespace
}  // namespace tilecompile
