#pragma once
#include <optional>
#include <string>

#include "amqp_link.hpp"

namespace tilecompile {

/// The channels of a connection. Each kind of work has its own, because the broker answers a refused call by
/// closing its channel: a missing queue must not cost a consumer its deliveries.
constexpr amqp_channel_t kPublishChannel = 1;
constexpr amqp_channel_t kAdminChannel = 2;
constexpr amqp_channel_t kFirstConsumerChannel = 3;

/// Declares exchange, queue and binding on the admin channel. Throws UsageError when refused, TransientError
/// when the queue exists but is not available now. A queue without the bounds asked for is taken, with a
/// warning once.
void declare_queue(AmqpLink& link, const QueueSpec& queue);
/// A durable exchange whose messages go to every queue bound to it.
void declare_fanout_exchange(AmqpLink& link, const std::string& name);
void delete_queue(AmqpLink& link, const std::string& name);
std::optional<QueueState> inspect_queue(AmqpLink& link, const std::string& name);

}  // namespace tilecompile
