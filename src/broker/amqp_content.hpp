#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "amqp_link.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// The properties of a message in rabbitmq-c's form. They point into the message, `user_id` and `headers`.
struct EncodedProperties {
  EncodedProperties(const Message& message, const std::string& user_id);
  EncodedProperties(const EncodedProperties&) = delete;
  EncodedProperties& operator=(const EncodedProperties&) = delete;

  amqp_basic_properties_t properties{};
  std::vector<amqp_table_entry_t> headers;
};

/// Fills everything but the body, without user-id. Headers that are neither text nor number nor truth value
/// are left out.
void decode_properties(const amqp_basic_properties_t& properties, Message& message);

/// A message the broker sends: a delivery or one it returns as unroutable.
struct Content {
  bool returned = false;
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  std::string reason;  ///< of a return
  Message message;
  std::string user;              ///< the property user-id
  std::uint64_t body_bytes = 0;  ///< as announced
  bool skipped = false;          ///< the body was larger than allowed and has not been kept
};

/// Puts the frames of messages together, channel by channel.
class ContentAssembler {
 public:
  explicit ContentAssembler(std::size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  /// Starts the content of a basic.deliver or basic.return.
  void begin(amqp_channel_t channel, Content content);
  /// Takes a header or body frame; the whole message once it is complete.
  std::optional<Content> add(const amqp_frame_t& frame);
  void forget(amqp_channel_t channel) { open_.erase(channel); }
  void clear() { open_.clear(); }

 private:
  struct Open {
    Content content;
    std::uint64_t received = 0;
    bool has_header = false;
  };

  std::size_t max_body_bytes_;
  std::map<amqp_channel_t, Open> open_;
};

}  // namespace tilecompile
