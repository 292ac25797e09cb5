#pragma once
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "rabbitmq.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// The connection is lost or was ended by the broker; everything on it has to be set up again.
struct LinkDown : std::runtime_error {
  LinkDown(const std::string& text, int code) : std::runtime_error(text), reply_code(code) {}
  int reply_code;  ///< of connection.close; kNoReply when a call got none; 0 when the link just broke
  static constexpr int kNoReply = -1;
};

/// The broker closed one channel, in answer to the call just made or to an earlier one.
struct ChannelClosed : std::runtime_error {
  ChannelClosed(const std::string& text, int code, std::uint32_t cause)
      : std::runtime_error(text), reply_code(code), method(cause) {}
  int reply_code;
  std::uint32_t method;  ///< id of the method the broker objects to
};

inline amqp_bytes_t as_bytes(const std::string& text) {
  return {text.size(), const_cast<char*>(text.data())};  // the library never writes through it
}
inline std::string as_string(const amqp_bytes_t& bytes) {
  return bytes.len == 0 ? std::string() : std::string(static_cast<const char*>(bytes.bytes), bytes.len);
}

/// One AMQP connection, logged in. Owned by one thread at a time: rabbitmq-c has no locks.
class AmqpLink {
 public:
  /// Connects and logs in. Throws LinkDown when the broker does not answer, UsageError when it refuses.
  AmqpLink(const AmqpOptions& options, std::chrono::milliseconds timeout);
  /// Drops the socket without a word: on a broken link closing in form would wait for an answer.
  ~AmqpLink();
  AmqpLink(const AmqpLink&) = delete;
  AmqpLink& operator=(const AmqpLink&) = delete;

  amqp_connection_state_t state() const { return state_; }
  void open_channel(amqp_channel_t channel);
  /// Checks the reply of the library call just made on `channel`; a channel closed by the broker is
  /// acknowledged as closed, and has to be opened again.
  void check_reply(amqp_channel_t channel, const char* doing);
  /// Checks the status of a call that only sends.
  void check_status(int status, const char* doing) const;
  /// Acknowledges that the broker closed a channel.
  void confirm_channel_close(amqp_channel_t channel);
  /// Sleeps until the broker sends on this link or on `other` (may be null), `wake_fd` is readable or
  /// `timeout` is over.
  void wait(const AmqpLink* other, int wake_fd, std::chrono::milliseconds timeout) const;
  /// Whether the broker may leave what we send unread as long as it likes, as it does while it is blocked.
  /// Only its heartbeats count then.
  void let_it_not_read(bool allowed);
  /// The next frame if one is there; serves heartbeats in passing.
  bool next_frame(amqp_frame_t& frame);
  /// Closes in form, so that everything sent is known to have arrived.
  void close();

 private:
  void login(const AmqpOptions& options);
  bool has_frames() const { return amqp_frames_enqueued(state_) || amqp_data_in_buffer(state_); }

  amqp_connection_state_t state_;
  unsigned patience_ms_;  ///< with a peer that acknowledges nothing
};

/// "connection closed by the broker: 320 CONNECTION_FORCED..." as an exception.
LinkDown link_closed(const amqp_connection_close_t& close);

}  // namespace tilecompile
