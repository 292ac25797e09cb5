#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// Long enough that only a hang reaches it, on a busy machine too.
inline constexpr std::chrono::minutes kMostPatience{2};

/// Asks until `holds` is true; false when it never was.
inline bool comes_true(const std::function<bool()>& holds) {
  const auto deadline = std::chrono::steady_clock::now() + kMostPatience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

/// Publishes as soon as somebody has declared the queue and bound it to the exchange, which are two steps;
/// false when nobody did.
inline bool publish_when_bound(Transport& party, const std::string& exchange, const std::string& queue,
                               const Message& message) {
  return comes_true([&] {
    try {
      party.publish(exchange, queue, message).get();
      return true;
    } catch (const UnroutableError&) {
      return false;
    }
  });
}

/// The next delivery with this message_id, acknowledged like those before it, which others may have left.
inline std::optional<Delivery> receive_named(Transport& party, const std::string& message_id) {
  const auto deadline = std::chrono::steady_clock::now() + kMostPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    auto delivery = party.receive(std::chrono::seconds(1));
    if (!delivery) continue;
    party.ack(delivery->tag);
    if (delivery->message.message_id == message_id) return delivery;
  }
  return std::nullopt;
}

}  // namespace tilecompile
