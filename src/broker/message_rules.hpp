#pragma once
#include <cstddef>
#include <string>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// Refuses with UsageError what AMQP cannot carry, so that both transports refuse the same and no impossible
/// message is tried again after each reconnect. Fills in an empty message_id.
void check_message(const std::string& exchange, const std::string& queue, std::size_t max_body_bytes,
                   Message& message);
/// The same for a queue's names and numbers.
void check_queue_spec(const QueueSpec& queue);
void check_exchange_name(const std::string& exchange);
/// Refuses a prefetch AMQP cannot express.
void check_prefetch(const std::string& queue, int prefetch);

}  // namespace tilecompile
