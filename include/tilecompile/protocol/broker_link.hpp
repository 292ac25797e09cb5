#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// Connects as section `broker` says; `name` is shown by the broker's management pages. Every role connects
/// through here. Once `stop_signal` (may be null) is not 0 a broker that is away is not waited for. Throws as
/// connect_amqp and broker_password.
std::unique_ptr<Transport> connect_broker(const BrokerConfig& broker, const std::string& name,
                                          const std::atomic<int>* stop_signal = nullptr);

/// "host:port" with the port that is really used.
std::string broker_place(const BrokerConfig& broker);

}  // namespace tilecompile
