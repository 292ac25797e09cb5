#pragma once
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "amqp_consumers.hpp"
#include "amqp_content.hpp"
#include "amqp_link.hpp"
#include "amqp_mailbox.hpp"
#include "amqp_publisher.hpp"

namespace tilecompile {

/// What the I/O thread does: keeps the connections busy, and everything that has to survive the loss of one.
/// There are two, one that publishes and one for all else: a broker short of memory or disk stops reading
/// from those that publish, and questions, deliveries and acknowledgements must go on then. If one is lost
/// both are given up. Used by that thread only; every member throws LinkDown when a connection is lost.
class AmqpSession {
 public:
  AmqpSession(const AmqpOptions& options, AmqpMailbox& mailbox);

  /// Sets a new connection up like the one before: queues and consumers. The one that publishes is opened
  /// when there is something to publish.
  void attach(std::unique_ptr<AmqpLink> link);
  /// Gives the lost connections up.
  void detach();
  /// One turn: work of the callers, then what the broker sent. False when closing was requested and all work
  /// before it is done.
  bool turn();
  /// Takes over work while there is no connection, so that it is answered if none comes back.
  void collect_work();
  void close();
  /// Answers everything still open with this error.
  void fail_all(ErrorKind kind, const std::string& text);

  // What requests do.
  void declare(const QueueSpec& queue);
  void declare_fanout(const std::string& exchange);
  void remove(const std::string& name);
  std::optional<QueueState> inspect(const std::string& name);
  void consume(const std::string& queue, int prefetch, bool exclusive);
  void cancel(const std::string& queue);
  bool consuming(const std::string& queue);

 private:
  void run_requests();
  void publish();
  void open_publish_link();
  void read_frames(AmqpLink& link);
  void dispatch(AmqpLink& link, const amqp_frame_t& frame);
  void dispatch_method(AmqpLink& link, amqp_channel_t channel, const amqp_method_t& method);
  void dispatch_content(amqp_channel_t channel, Content content);
  void on_channel_closed(AmqpLink& link, amqp_channel_t channel, const amqp_channel_close_t& close);
  void set_blocked(bool blocked, const std::string& reason);

  const AmqpOptions& options_;
  AmqpMailbox& mailbox_;
  std::unique_ptr<AmqpLink> link_;
  std::unique_ptr<AmqpLink> publish_link_;  ///< null until something is to be published
  AmqpPublisher publisher_;
  AmqpConsumers consumers_;
  ContentAssembler assembler_;
  std::map<std::string, QueueSpec> declared_;
  std::set<std::string> fanouts_;
  std::deque<Settlement> settlements_;
  std::deque<Request> requests_;
  int refused_logins_ = 0;  ///< of the link that publishes, one after the other
  bool closing_ = false;
};

}  // namespace tilecompile
