#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "broker/private_broker.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// The broker all AMQP cases of this program share: the one named by TILECOMPILE_TEST_BROKER_PORT, otherwise
/// a private one, started when the first case wants it.
class ContractBroker : public testing::Environment {
 public:
  static ContractBroker& instance() {
    // GoogleTest owns and deletes its environments.
    static auto* const broker = static_cast<ContractBroker*>(
        testing::AddGlobalTestEnvironment(new ContractBroker));  // NOLINT(cppcoreguidelines-owning-memory)
    return *broker;
  }

  /// Empty when there is a broker to test with, otherwise why not.
  std::string missing() const {
    if (given_port() || PrivateBroker::installed()) return "";
    return "RabbitMQ is not installed: apt-get install rabbitmq-server";
  }
  /// The private broker; null when a given one is used, which tests must not break.
  PrivateBroker* own() {
    if (given_port()) return nullptr;
    if (!broker_) broker_ = std::make_unique<PrivateBroker>();
    return broker_.get();
  }
  AmqpOptions options() {
    AmqpOptions options;
    const auto given = given_port();
    options.port = given ? *given : own()->port();
    options.password = "guest";
    options.connection_name = "contract test";
    return options;
  }

  void TearDown() override { broker_.reset(); }

 private:
  static std::optional<int> given_port() {
    const char* text = std::getenv("TILECOMPILE_TEST_BROKER_PORT");
    if (text == nullptr || *text == '\0') return std::nullopt;
    return std::stoi(text);
  }

  std::unique_ptr<PrivateBroker> broker_;
};

}  // namespace tilecompile
