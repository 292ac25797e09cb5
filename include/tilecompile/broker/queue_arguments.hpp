#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <variant>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// The x-arguments of a queue by name. Everyone who declares it must give exactly these.
std::map<std::string, std::variant<std::int64_t, std::string>> queue_arguments(const QueueSpec& queue);

}  // namespace tilecompile
