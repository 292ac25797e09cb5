#include "amqp_consumers.hpp"

#include <algorithm>
#include <iterator>

#include "amqp_topology.hpp"
#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

// Another one for every start: a quorum queue counts what an earlier consumer of the channel still holds
// against a later one of the same tag.
std::string consumer_tag(amqp_channel_t channel, int start) {
  return "consumer-" + std::to_string(channel) + "-" + std::to_string(start);
}

[[noreturn]] void throw_no_consumer(const std::string& queue, const ChannelClosed& closed) {
  const std::string start = "cannot consume queue '" + queue + "': ";
  if (closed.reply_code == AMQP_NOT_FOUND) throw UsageError(start + "it does not exist; declare it first");
  const std::string text = closed.what();
  if (closed.reply_code == AMQP_ACCESS_REFUSED && text.find("exclusive") != std::string::npos) {
    throw UsageError(start + "another consumer has it; stop that one first (" + text + ")");
  }
  throw AccessRefused(start + text + "; check the user's permissions: rabbitmqctl list_user_permissions");
}

}  // namespace

void AmqpConsumers::attach() {
  std::erase_if(consumers_, [](const auto& entry) { return !entry.second.wanted; });
  for (auto& [channel, consumer] : consumers_) {
    lose(consumer, true);
    consumer.due = Clock::now();
  }
}

std::map<amqp_channel_t, AmqpConsumers::Consumer>::iterator AmqpConsumers::find(const std::string& queue) {
  return std::find_if(consumers_.begin(), consumers_.end(),
                      [&](const auto& entry) { return entry.second.queue == queue; });
}

void AmqpConsumers::lose(Consumer& consumer, bool channel_too) {
  consumer.active = false;
  consumer.due = Clock::now() + consumer.backoff.next();
  if (!channel_too) return;
  consumer.open = false;
  consumer.unacked.clear();
  mailbox_.drop_deliveries(consumer.opening);
  consumer.opening = 0;
}

void AmqpConsumers::start(AmqpLink& link, amqp_channel_t channel, Consumer& consumer) {
  if (!consumer.open) {
    link.open_channel(channel);
    consumer.open = true;
    consumer.opening = ++openings_;
  }
  amqp_basic_qos(link.state(), channel, 0, static_cast<std::uint16_t>(consumer.prefetch), 0);
  link.check_reply(channel, "limit the prefetch");
  const std::string tag = consumer_tag(channel, ++consumer.starts);
  amqp_basic_consume(link.state(), channel, as_bytes(consumer.queue), as_bytes(tag), 0, 0, consumer.exclusive,
                     amqp_empty_table);
  link.check_reply(channel, "consume a queue");
  consumer.active = true;
  consumer.warned = false;
  consumer.backoff.reset();
}

void AmqpConsumers::consume(AmqpLink& link, const std::string& queue, int prefetch, bool exclusive) {
  auto entry = find(queue);
  if (entry == consumers_.end()) {
    amqp_channel_t channel = kFirstConsumerChannel;
    while (consumers_.count(channel) > 0) ++channel;
    entry = consumers_.emplace(channel, Consumer{}).first;
    entry->second.queue = queue;
  } else if (entry->second.wanted) {
    throw ContractError("queue '" + queue + "' is consumed already");
  }
  Consumer& consumer = entry->second;
  consumer.prefetch = prefetch;
  consumer.exclusive = exclusive;
  try {
    start(link, entry->first, consumer);
    consumer.wanted = true;
  } catch (const ChannelClosed& closed) {
    lose(consumer, true);
    consumers_.erase(entry);
    throw_no_consumer(queue, closed);
  } catch (...) {
    consumer.wanted = false;
    throw;
  }
}

void AmqpConsumers::cancel(AmqpLink& link, const std::string& queue) {
  const auto entry = find(queue);
  if (entry == consumers_.end() || !entry->second.wanted) return;
  Consumer& consumer = entry->second;
  consumer.wanted = false;
  if (consumer.active) {
    consumer.active = false;
    try {
      const std::string tag = consumer_tag(entry->first, consumer.starts);
      amqp_basic_cancel(link.state(), entry->first, as_bytes(tag));
      link.check_reply(entry->first, "cancel a consumer");
    } catch (const ChannelClosed&) {
      lose(consumer, true);  // which hands everything back as well
    }
  }
  // What the broker had sent before is still to come as frames; on_delivery hands that back.
  for (const DeliveryTag& tag : mailbox_.take_deliveries(queue)) {
    settle(link, {{tag, Settlement::Verdict::kRequeue}});
  }
}

bool AmqpConsumers::active(const std::string& queue) const {
  return std::any_of(consumers_.begin(), consumers_.end(), [&](const auto& entry) {
    return entry.second.queue == queue && entry.second.wanted && entry.second.active;
  });
}

void AmqpConsumers::forget(const std::string& queue) {
  const auto entry = find(queue);
  if (entry == consumers_.end()) return;
  entry->second.wanted = false;
  entry->second.active = false;
}

void AmqpConsumers::restart_due(AmqpLink& link, const Redeclare& redeclare) {
  const Clock::time_point now = Clock::now();
  for (auto& [channel, consumer] : consumers_) {
    if (!consumer.wanted || consumer.active || consumer.due > now) continue;
    std::string trouble;
    try {
      redeclare(consumer.queue);
    } catch (const Error& error) {
      trouble = std::string(error.what()) + "; ";  // the queue may be there all the same
    }
    try {
      start(link, channel, consumer);
      continue;
    } catch (const ChannelClosed& closed) {
      lose(consumer, true);
      trouble += closed.what();
    }
    if (!consumer.warned) {
      log_warning("cannot consume queue '" + consumer.queue + "' for now, trying again: " + trouble);
    }
    consumer.warned = true;
  }
}

void AmqpConsumers::send(AmqpLink& link, amqp_channel_t channel, std::uint64_t tag,
                         Settlement::Verdict verdict) {
  const int status =
      verdict == Settlement::Verdict::kAck
          ? amqp_basic_ack(link.state(), channel, tag, 0)
          : amqp_basic_reject(link.state(), channel, tag, verdict == Settlement::Verdict::kRequeue);
  link.check_status(status, "acknowledge");
}

// `tags` were taken out of the unacknowledged ones: below the first that is left, one message speaks for all.
void AmqpConsumers::acknowledge(AmqpLink& link, amqp_channel_t channel, const Consumer& consumer,
                                const std::set<std::uint64_t>& tags) {
  auto next = consumer.unacked.empty() ? tags.end() : tags.lower_bound(*consumer.unacked.begin());
  if (next != tags.begin())
    link.check_status(amqp_basic_ack(link.state(), channel, *std::prev(next), 1), "acknowledge");
  for (; next != tags.end(); ++next) send(link, channel, *next, Settlement::Verdict::kAck);
}

void AmqpConsumers::settle(AmqpLink& link, const std::deque<Settlement>& settlements) {
  for (auto& [channel, consumer] : consumers_) {
    std::set<std::uint64_t> acked;
    for (const Settlement& settlement : settlements) {
      // An unknown tag (settled before) would make the broker close the channel.
      if (consumer.opening != settlement.tag.connection || consumer.unacked.erase(settlement.tag.tag) == 0)
        continue;
      if (settlement.verdict == Settlement::Verdict::kAck)
        acked.insert(settlement.tag.tag);
      else
        send(link, channel, settlement.tag.tag, settlement.verdict);
    }
    acknowledge(link, channel, consumer, acked);
  }
}

void AmqpConsumers::on_delivery(AmqpLink& link, amqp_channel_t channel, Content content) {
  const auto entry = consumers_.find(channel);
  if (entry == consumers_.end() || !entry->second.open) return;
  Consumer& consumer = entry->second;
  if (content.skipped) {
    log_warning("message of " + std::to_string(content.body_bytes) + " bytes in queue '" + consumer.queue +
                "' is larger than the limit: rejected unread");
    send(link, channel, content.delivery_tag, Settlement::Verdict::kDrop);
    return;
  }
  if (!consumer.wanted) {
    send(link, channel, content.delivery_tag, Settlement::Verdict::kRequeue);
    return;
  }
  consumer.unacked.insert(content.delivery_tag);
  mailbox_.deliver({std::move(content.message),
                    consumer.queue,
                    {consumer.opening, content.delivery_tag},
                    content.redelivered,
                    {},
                    std::move(content.user)});
}

void AmqpConsumers::on_cancelled(amqp_channel_t channel) {
  const auto entry = consumers_.find(channel);
  if (entry == consumers_.end() || !entry->second.wanted) return;
  log_warning("queue '" + entry->second.queue + "' was deleted or moved while being consumed; trying again");
  lose(entry->second, false);
}

void AmqpConsumers::on_channel_closed(amqp_channel_t channel, const std::string& text) {
  const auto entry = consumers_.find(channel);
  if (entry == consumers_.end()) return;
  log_warning("the broker closed the channel of queue '" + entry->second.queue +
              "', its unacknowledged messages are delivered again: " + text);
  lose(entry->second, true);
}

}  // namespace tilecompile
