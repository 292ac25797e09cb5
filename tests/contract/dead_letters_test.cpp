// Dead letters on real queues: looking at them, and limits of what waits.
#include "tilecompile/operate/dead_letters.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "contract/contract_broker.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

class DeadLetters : public testing::Test {
 protected:
  void SetUp() override {
    if (!ContractBroker::instance().missing().empty()) GTEST_SKIP() << ContractBroker::instance().missing();
    if (ContractBroker::instance().own() == nullptr) GTEST_SKIP() << "needs a broker of its own";
    party_ = connect_amqp(ContractBroker::instance().options());
    party_->remove_queue(kDeadLetterQueue);
  }
  void TearDown() override {
    if (party_) party_->remove_queue(kDeadLetterQueue);
  }
  /// The queue as programs declared it that knew no limits.
  static void import_old_queue(bool quorum) {
    PrivateBroker& broker = *ContractBroker::instance().own();
    const auto file = broker.folder() / "old.json";
    std::ofstream(file) << nlohmann::json{
        {"queues",
         {{{"name", kDeadLetterQueue},
           {"vhost", "/"},
           {"durable", true},
           {"auto_delete", false},
           {"arguments", quorum ? nlohmann::json{{"x-queue-type", "quorum"}} : nlohmann::json::object()}}}}};
    broker.ctl("import_definitions '" + file.string() + "'");
  }
  void fill(int letters, std::size_t body_bytes = 100) {
    party_->declare(dead_letter_queue_spec(quorum_));
    for (int i = 0; i < letters; ++i) {
      Message message;
      message.message_id = std::to_string(i);
      message.body = std::string(body_bytes, 'x');
      party_->publish("", kDeadLetterQueue, std::move(message)).get();
    }
    ids_.clear();
    for (int i = 0; i < letters; ++i) ids_.push_back(std::to_string(i));
  }
  /// What a reader of its own sees, as each call of the program is one.
  std::vector<std::string> seen() {
    const auto reader = connect_amqp(ContractBroker::instance().options());
    std::vector<std::string> ids;
    visit_dead_letters(*reader, [&](const DeadLetter& letter) {
      ids.push_back(letter.id);
      return LetterFate::kKeep;
    });
    reader->close();
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (party_->inspect(kDeadLetterQueue)->messages != ids_.size() &&
           std::chrono::steady_clock::now() < deadline) {
    }
    return ids;
  }

  bool quorum_ = false;
  std::unique_ptr<Transport> party_;
  std::vector<std::string> ids_;
};

// RabbitMQ 4 drops from a quorum queue what came back more than 20 times, unless the queue allows more.
TEST_F(DeadLetters, LookingAgainAndAgainLosesNoneAndKeepsTheirOrder) {
  for (const bool quorum : {false, true})
    for (const bool old : {false, true}) {
      quorum_ = quorum;
      party_->remove_queue(kDeadLetterQueue);
      if (old) import_old_queue(quorum);
      fill(20);
      for (int look = 0; look < 50; ++look) ASSERT_EQ(seen(), ids_) << quorum << old << " look " << look;
    }
}

TEST_F(DeadLetters, TheNewestAreKept) {
  const auto most = static_cast<int>(dead_letter_queue_spec(false).bounds.messages);
  party_->declare(dead_letter_queue_spec(false));
  std::vector<std::future<void>> confirms;
  for (int i = 0; i < most + 50; ++i) {
    Message message;
    message.message_id = std::to_string(i);
    confirms.push_back(party_->publish("", kDeadLetterQueue, std::move(message)));
  }
  for (auto& confirm : confirms) confirm.get();
  std::vector<std::string> ids;
  visit_dead_letters(*party_, [&](const DeadLetter& letter) {
    ids.push_back(letter.id);
    return LetterFate::kDrop;
  });
  ASSERT_EQ(ids.size(), static_cast<std::size_t>(most));
  EXPECT_EQ(ids.front(), "50");
  EXPECT_EQ(ids.back(), std::to_string(most + 49));
}

}  // namespace
}  // namespace tilecompile
