#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// The x-arguments of a queue by name. Everyone who declares it must give exactly these.
std::map<std::string, std::variant<std::int64_t, std::string>> queue_arguments(const QueueSpec& queue);

/// The same as programs gave them that knew neither bounds nor priorities nor a limit of deliveries.
std::map<std::string, std::variant<std::int64_t, std::string>> unbounded_arguments(const QueueSpec& queue);

/// Beyond that many deliveries a quorum queue drops a message; the default of RabbitMQ 4, 20, is reached by
/// reading dead letters, and by workers that lose their connections. Nothing is lost by a large number: the
/// master counts attempts itself.
inline constexpr std::int64_t kDeliveryLimit = 1000000;

}  // namespace tilecompile
