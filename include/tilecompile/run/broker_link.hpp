#pragma once
#include <memory>
#include <string>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Connects as section `broker` says; `name` is shown by the broker's management pages. Every role connects
/// through here. Throws as connect_amqp and broker_password.
std::unique_ptr<Transport> connect_broker(const BrokerConfig& broker, const std::string& name);

/// "host:port" with the port that is really used.
std::string broker_place(const BrokerConfig& broker);

}  // namespace tilecompile
