#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

class AmqpSession;

/// A message on its way out.
struct PublishOrder {
  std::string exchange;
  std::string queue;
  Message message;
  std::promise<void> confirmed;
  bool returned = false;
  std::string reason;  ///< of the return
};

/// An ack or reject on its way out.
struct Settlement {
  enum class Verdict { kAck, kRequeue, kDrop };
  DeliveryTag tag;
  Verdict verdict;
};

/// A call whose caller waits: run on the I/O thread, again after a reconnect when the link broke under it.
struct Request {
  std::function<void(AmqpSession&)> action;
  std::promise<void> done;
  int refusals = 0;  ///< how often the broker closed the whole connection over it
};

/// What callers and the I/O thread exchange. Callers put orders in and take deliveries out; the I/O thread
/// the other way round. Nothing here touches the connection.
class AmqpMailbox {
 public:
  struct Work {
    std::deque<Settlement> settlements;
    std::deque<PublishOrder> publishes;
    std::deque<Request> requests;
    bool closing = false;
  };

  AmqpMailbox();
  ~AmqpMailbox();
  AmqpMailbox(const AmqpMailbox&) = delete;
  AmqpMailbox& operator=(const AmqpMailbox&) = delete;

  // Callers' side; all throw the transport's error once it is closed or has ended.
  void settle(const Settlement& settlement);
  std::future<void> publish(PublishOrder order);
  /// Runs `action` on the I/O thread and waits for it; rethrows what it throws.
  void perform(std::function<void(AmqpSession&)> action);
  std::optional<Delivery> receive(std::chrono::milliseconds timeout);
  /// From now on calls are refused and the I/O thread comes to its end.
  void request_close();
  /// Why the broker takes no messages; empty while it does.
  std::string blocked() const;

  // The I/O thread's side.
  /// Readable when there is work.
  int wake_fd() const { return wake_fd_; }
  Work take_work();
  void deliver(Delivery delivery);
  /// Takes back what nobody has received yet: all of it, of one opening of a channel, or of one queue.
  void drop_deliveries();
  void drop_deliveries(std::uint64_t connection);
  std::vector<DeliveryTag> take_deliveries(const std::string& queue);
  void set_blocked(const std::string& reason);
  /// Sleeps for `time` or until close is requested; true when it is.
  bool wait_for_close(std::chrono::milliseconds time);
  /// No work is taken any more; calls throw `kind` with `text`.
  void end(ErrorKind kind, const std::string& text);

 private:
  void check_open() const;
  void wake();

  mutable std::mutex mutex_;
  std::condition_variable delivered_;
  std::condition_variable closing_changed_;
  Work work_;
  std::deque<Delivery> inbox_;
  bool awake_ = false;  ///< wake_fd_ is readable already
  bool ended_ = false;
  ErrorKind end_kind_ = ErrorKind::kTransient;
  std::string end_text_;
  std::string blocked_;
  int wake_fd_;
};

/// The error of a kind and text: every catcher gets an object of its own.
[[noreturn]] void throw_error(ErrorKind kind, const std::string& text);
std::exception_ptr make_error(ErrorKind kind, const std::string& text);

}  // namespace tilecompile
