#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "amqp_content.hpp"
#include "amqp_link.hpp"
#include "amqp_mailbox.hpp"
#include "backoff.hpp"

namespace tilecompile {

/// The consumers of a connection, each on a channel of its own. One that is lost (queue deleted, channel
/// closed, connection gone) is started again until it is cancelled.
class AmqpConsumers {
 public:
  using Clock = std::chrono::steady_clock;
  /// Declares a queue again if this transport had declared it.
  using Redeclare = std::function<void(const std::string& queue)>;

  explicit AmqpConsumers(AmqpMailbox& mailbox) : mailbox_(mailbox) {}

  /// A new connection: every consumer is due, every earlier delivery stale.
  void attach();
  void consume(AmqpLink& link, const std::string& queue, int prefetch, bool exclusive);
  void cancel(AmqpLink& link, const std::string& queue);
  /// Whether the broker delivers from `queue` now.
  bool active(const std::string& queue) const;
  /// The queue was removed on our own request: its consumer is over.
  void forget(const std::string& queue);
  /// Starts again what is due.
  void restart_due(AmqpLink& link, const Redeclare& redeclare);
  /// Acknowledges and rejects; what lies together is acknowledged at once.
  void settle(AmqpLink& link, const std::deque<Settlement>& settlements);

  void on_delivery(AmqpLink& link, amqp_channel_t channel, Content content);
  void on_cancelled(amqp_channel_t channel);
  void on_channel_closed(amqp_channel_t channel, const std::string& text);

 private:
  struct Consumer {
    std::string queue;
    int prefetch = 1;
    bool exclusive = false;
    bool wanted = true;
    bool open = false;    ///< the channel is
    bool active = false;  ///< the broker delivers
    std::uint64_t opening = 0;
    std::set<std::uint64_t> unacked;
    Clock::time_point due;
    Backoff backoff;
    bool warned = false;  ///< of the present trouble
    int starts = 0;       ///< of this consumer, for its tag
  };

  void start(AmqpLink& link, amqp_channel_t channel, Consumer& consumer);
  void lose(Consumer& consumer, bool channel_too);
  std::map<amqp_channel_t, Consumer>::iterator find(const std::string& queue);
  static void send(AmqpLink& link, amqp_channel_t channel, std::uint64_t tag, Settlement::Verdict verdict);
  static void acknowledge(AmqpLink& link, amqp_channel_t channel, const Consumer& consumer,
                          const std::set<std::uint64_t>& tags);

  AmqpMailbox& mailbox_;
  std::map<amqp_channel_t, Consumer> consumers_;
  std::uint64_t openings_ = 0;
};

}  // namespace tilecompile
