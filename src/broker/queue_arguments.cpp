#include "tilecompile/broker/queue_arguments.hpp"

namespace tilecompile {

std::map<std::string, std::variant<std::int64_t, std::string>> queue_arguments(const QueueSpec& queue) {
  auto arguments = unbounded_arguments(queue);
  if (queue.bounds.messages > 0) arguments["x-max-length"] = queue.bounds.messages;
  if (queue.bounds.bytes > 0) arguments["x-max-length-bytes"] = queue.bounds.bytes;
  if (queue.bounds.messages > 0 || queue.bounds.bytes > 0)
    arguments["x-overflow"] = queue.bounds.keep_newest ? "drop-head" : "reject-publish";
  if (queue.quorum) arguments["x-delivery-limit"] = kDeliveryLimit;
  if (queue.max_priority > 0) arguments["x-max-priority"] = std::int64_t{queue.max_priority};
  return arguments;
}

std::map<std::string, std::variant<std::int64_t, std::string>> unbounded_arguments(const QueueSpec& queue) {
  std::map<std::string, std::variant<std::int64_t, std::string>> arguments;
  if (queue.expires_ms > 0) arguments["x-expires"] = queue.expires_ms;
  if (queue.message_ttl_ms > 0) arguments["x-message-ttl"] = queue.message_ttl_ms;
  if (queue.max_length > 0) {
    arguments["x-max-length"] = queue.max_length;
    arguments["x-overflow"] = "drop-head";
  }
  if (!queue.dead_letter_queue.empty()) {
    arguments["x-dead-letter-exchange"] = "";
    arguments["x-dead-letter-routing-key"] = queue.dead_letter_queue;
    // Otherwise a quorum queue forgets what it dead-letters while the target is not available.
    if (queue.quorum && queue.max_length == 0) {
      arguments["x-dead-letter-strategy"] = "at-least-once";
      arguments["x-overflow"] = "reject-publish";
    }
  }
  // Said in both cases: a virtual host may have a default of its own.
  arguments["x-queue-type"] = queue.quorum ? "quorum" : "classic";
  return arguments;
}

}  // namespace tilecompile
