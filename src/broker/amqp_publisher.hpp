#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "amqp_link.hpp"
#include "amqp_mailbox.hpp"

namespace tilecompile {

/// Publishes with confirms on the publish channel: a bounded window of unconfirmed messages, all of which are
/// sent again when channel or connection had to be opened anew.
class AmqpPublisher {
 public:
  explicit AmqpPublisher(const AmqpOptions& options) : options_(options) {}

  /// Opens the publish channel of a new connection.
  void attach(AmqpLink& link);
  /// The connection is gone: what is unconfirmed waits for the next one.
  void detach();
  bool has_work() const { return !waiting_.empty(); }
  void add(PublishOrder order) { waiting_.push_back(std::move(order)); }
  /// Sends what the window has room for.
  void pump(AmqpLink& link);
  /// A confirm or refusal of the message `tag`, or of all up to it.
  void on_confirm(std::uint64_t tag, bool multiple, bool accepted);
  /// No queue took the message; its confirm follows.
  void on_return(const Message& message, const std::string& reason);
  /// The broker closed the channel over a message. `link` has confirmed that already. Asks for it to be
  /// opened again, without waiting: a blocked broker does not read that it is asked.
  void on_channel_closed(AmqpLink& link, int code, const std::string& text);
  void on_channel_open(AmqpLink& link);
  /// The channel confirms, so messages can be sent on it.
  void on_confirming() { ready_ = true; }
  void set_blocked(bool blocked) { blocked_ = blocked; }
  bool blocked() const { return blocked_; }
  /// Ends: every message still open fails with this error.
  void fail_all(ErrorKind kind, const std::string& text);

 private:
  void send_again();

  const AmqpOptions& options_;
  std::deque<PublishOrder> waiting_;
  std::map<std::uint64_t, PublishOrder> unconfirmed_;  ///< by publish number of this channel
  std::uint64_t last_number_ = 0;
  std::size_t unconfirmed_bytes_ = 0;
  bool ready_ = false;  ///< the channel is open and confirms
  bool blocked_ = false;
};

}  // namespace tilecompile
