#include "message_rules.hpp"

#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kShortString = 255;
// Properties and headers travel in one frame of 128 KiB.
constexpr std::size_t kHeaderBytes = 64u << 10;

void check_short(const std::string& text, const char* what) {
  if (text.size() > kShortString) {
    throw UsageError(std::string(what) + " of " + std::to_string(text.size()) +
                     " bytes is too long for AMQP (255 at most): '" + text.substr(0, 40) + "...'");
  }
}

}  // namespace

void check_message(const std::string& exchange, const std::string& queue, std::size_t max_body_bytes,
                   Message& message) {
  check_short(exchange, "exchange name");
  check_short(queue, "queue name");
  check_short(message.message_id, "message_id");
  check_short(message.correlation_id, "correlation_id");
  check_short(message.reply_to, "reply_to");
  check_short(message.content_type, "content_type");
  std::size_t header_bytes = 0;
  for (const auto& [name, value] : message.headers) {
    if (name.empty()) throw UsageError("a message header has an empty name");
    check_short(name, "header name");
    header_bytes += name.size() + value.size() + 16;
  }
  if (header_bytes > kHeaderBytes) {
    throw UsageError("message headers of " + std::to_string(header_bytes) +
                     " bytes are too large (65536 at most): put the data into the body");
  }
  if (message.priority < -1 || message.priority > 255) {
    throw UsageError("message priority " + std::to_string(message.priority) + " is not within 0..255");
  }
  if (message.body.size() > max_body_bytes) {
    throw UsageError("message body of " + std::to_string(message.body.size()) + " bytes for queue '" + queue +
                     "' exceeds the limit of " + std::to_string(max_body_bytes) + " bytes");
  }
  if (message.message_id.empty()) message.message_id = new_uuid();
}

void check_queue_spec(const QueueSpec& queue) {
  check_short(queue.name, "queue name");
  check_short(queue.exchange, "exchange name");
  check_short(queue.dead_letter_queue, "dead-letter queue name");
  if (queue.name.empty()) throw UsageError("a queue needs a name");
  if (queue.expires_ms < 0 || queue.message_ttl_ms < 0 || queue.max_length < 0 || queue.bounds.messages < 0 ||
      queue.bounds.bytes < 0) {
    throw UsageError("queue '" + queue.name + "': expiry, time to live and length limit cannot be negative");
  }
  if (queue.max_priority < 0 || queue.max_priority > 255) {
    throw UsageError("queue '" + queue.name + "': max_priority " + std::to_string(queue.max_priority) +
                     " is not within 0..255");
  }
  if (queue.quorum && queue.max_priority > 0) {
    throw UsageError("queue '" + queue.name +
                     "': a quorum queue has no priorities; use a classic queue or drop max_priority");
  }
}

void check_exchange_name(const std::string& exchange) {
  check_short(exchange, "exchange name");
  if (exchange.empty()) throw UsageError("an exchange needs a name");
}

void check_prefetch(const std::string& queue, int prefetch) {
  if (prefetch < 1 || prefetch > 65535) {
    throw UsageError("prefetch " + std::to_string(prefetch) + " of queue '" + queue +
                     "' is not within 1..65535");
  }
}

}  // namespace tilecompile
