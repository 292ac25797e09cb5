#pragma once
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "contract_broker.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Long enough that only a hang reaches it.
inline constexpr seconds kPatience{30};
// Long enough that a message on its way would have come.
inline constexpr milliseconds kQuiet{200};

class TransportContract : public testing::TestWithParam<const char*> {
 protected:
  bool amqp() const { return std::string(GetParam()) == "amqp"; }

  void SetUp() override {
    if (amqp() && !ContractBroker::instance().missing().empty()) {
      GTEST_SKIP() << ContractBroker::instance().missing();
    }
    party_ = connect();
  }
  void TearDown() override {
    if (!party_) return;
    party_->close();  // or it would bring the queues it consumes back
    const auto cleaner = connect();
    for (const std::string& name : names_) cleaner->remove_queue(name);
  }

  std::unique_ptr<Transport> connect() {
    return amqp() ? connect_amqp(ContractBroker::instance().options()) : memory_.connect();
  }
  /// A queue of this case alone.
  QueueSpec queue() {
    QueueSpec spec;
    spec.name = "contract." + new_uuid();
    names_.push_back(spec.name);
    return spec;
  }
  QueueSpec declared() {
    const QueueSpec spec = queue();
    party_->declare(spec);
    return spec;
  }
  void publish(const std::string& name, const std::string& body) {
    Message message;
    message.body = body;
    party_->publish("", name, std::move(message)).get();
  }
  /// Whether it holds within five seconds.
  static bool eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(5);
    while (!holds())
      if (std::chrono::steady_clock::now() > deadline) return false;
    return true;
  }
  /// Waits until the broker's count, which may lag, is as expected.
  void expect_messages(const std::string& name, std::uint64_t expected) {
    const auto deadline = std::chrono::steady_clock::now() + seconds(5);
    std::uint64_t found = 0;
    do {
      found = party_->inspect(name).value().messages;
    } while (found != expected && std::chrono::steady_clock::now() < deadline);
    EXPECT_EQ(found, expected) << name;
  }

  MemoryBroker memory_;
  std::unique_ptr<Transport> party_;
  std::vector<std::string> names_;
};

inline Delivery must_receive(Transport& transport) {
  auto delivery = transport.receive(kPatience);
  if (!delivery) throw std::runtime_error("no delivery came");
  return *delivery;
}

}  // namespace tilecompile
