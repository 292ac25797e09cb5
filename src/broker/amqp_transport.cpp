#include <signal.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "amqp_mailbox.hpp"
#include "amqp_session.hpp"
#include "amqp_tls.hpp"
#include "backoff.hpp"
#include "message_rules.hpp"
#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// One attempt to connect; several fit into the time allowed for all of them.
constexpr milliseconds kAttempt{5000};
// A broker that starts may refuse a login it will accept a moment later.
constexpr int kMaxRefusedLogins = 3;

milliseconds as_milliseconds(double seconds) {
  return milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

std::string seconds_text(double seconds) {
  const std::string text = std::to_string(seconds);
  return text.substr(0, text.find('.') + 2) + " s";
}

class AmqpTransport : public Transport {
 public:
  explicit AmqpTransport(const AmqpOptions& options) : options_(options), session_(options_, mailbox_) {
    connect_first();
    connected_ = true;
    thread_ = std::thread([this] { run(); });
  }
  ~AmqpTransport() override { AmqpTransport::close(); }

  void declare(const QueueSpec& queue) override {
    check_queue_spec(queue);
    mailbox_.perform([&](AmqpSession& session) { session.declare(queue); });
  }
  void declare_fanout(const std::string& exchange) override {
    check_exchange_name(exchange);
    mailbox_.perform([&](AmqpSession& session) { session.declare_fanout(exchange); });
  }
  void remove_queue(const std::string& name) override {
    mailbox_.perform([&](AmqpSession& session) { session.remove(name); });
  }
  std::optional<QueueState> inspect(const std::string& name) override {
    std::optional<QueueState> state;
    mailbox_.perform([&](AmqpSession& session) { state = session.inspect(name); });
    return state;
  }
  void consume(const std::string& queue, int prefetch, bool exclusive) override {
    check_prefetch(queue, prefetch);
    mailbox_.perform([&](AmqpSession& session) { session.consume(queue, prefetch, exclusive); });
  }
  void cancel(const std::string& queue) override {
    mailbox_.perform([&](AmqpSession& session) { session.cancel(queue); });
  }
  bool consuming(const std::string& queue) override {
    bool active = false;
    mailbox_.perform([&](AmqpSession& session) { active = session.consuming(queue); });
    return active;
  }
  std::optional<Delivery> receive(milliseconds timeout) override { return mailbox_.receive(timeout); }
  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    check_message(exchange, queue, options_.max_body_bytes, message);
    PublishOrder order;
    order.exchange = exchange;
    order.queue = queue;
    order.message = std::move(message);
    return mailbox_.publish(std::move(order));
  }
  void ack(const DeliveryTag& tag) override { mailbox_.settle({tag, Settlement::Verdict::kAck}); }
  void reject(const DeliveryTag& tag, bool requeue) override {
    mailbox_.settle({tag, requeue ? Settlement::Verdict::kRequeue : Settlement::Verdict::kDrop});
  }
  bool connected() const override { return connected_; }
  std::string blocked() const override { return mailbox_.blocked(); }
  void close() override {
    mailbox_.request_close();
    const std::lock_guard<std::mutex> lock(join_mutex_);
    if (thread_.joinable()) thread_.join();
  }

 private:
  void connect_first();
  void run();
  void serve();
  bool reconnect();
  bool wait_for_close(milliseconds time);
  void check_stopping() const;

  const AmqpOptions options_;
  AmqpMailbox mailbox_;
  AmqpSession session_;
  std::atomic<bool> connected_{false};
  std::mutex join_mutex_;
  std::thread thread_;
};

void AmqpTransport::connect_first() {
  const Clock::time_point deadline = Clock::now() + as_milliseconds(options_.connect_timeout_s);
  Backoff backoff;
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    check_stopping();
    try {
      session_.attach(std::make_unique<AmqpLink>(options_, std::clamp(left, milliseconds(100), kAttempt)));
      return;
    } catch (const LinkDown& down) {
      session_.detach();
      const milliseconds pause = backoff.next();
      if (Clock::now() + pause >= deadline) {
        throw TransientError("cannot reach a RabbitMQ broker at " + broker_address(options_) + " within " +
                             seconds_text(options_.connect_timeout_s) + ": " + down.what() +
                             "; check broker.host and broker.port, and that the broker runs there "
                             "(rabbitmq-diagnostics check_port_connectivity)");
      }
      wait_for_close(pause);
    }
  }
}

void AmqpTransport::check_stopping() const {
  if (options_.stopping && options_.stopping())
    throw TransientError("stopped while the broker at " + broker_address(options_) +
                         " was away; start the same command again when it is back");
}

/// Sleeps for `time`, or until closing was requested: true then. Throws once the program is to stop.
bool AmqpTransport::wait_for_close(milliseconds time) {
  constexpr milliseconds kLook{100};
  const Clock::time_point until = Clock::now() + time;
  do {
    check_stopping();
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now());
    if (mailbox_.wait_for_close(std::clamp(left, milliseconds(0), kLook))) return true;
  } while (Clock::now() < until);
  return false;
}

void AmqpTransport::run() {
  try {
    serve();
  } catch (const Error& error) {
    log_error(error.what());
    mailbox_.end(error.kind(), error.what());
    session_.fail_all(error.kind(), error.what());
  } catch (const std::exception& error) {
    const std::string text = std::string("the connection to the broker ended unexpectedly: ") + error.what();
    log_error(text);
    mailbox_.end(ErrorKind::kTransient, text);
    session_.fail_all(ErrorKind::kTransient, text);
  }
  connected_ = false;
  session_.detach();
}

void AmqpTransport::serve() {
  for (;;) {
    try {
      while (session_.turn()) {
      }
      session_.close();
      break;
    } catch (const LinkDown& down) {
      connected_ = false;
      session_.detach();
      log_warning("lost the connection to the broker at " + broker_address(options_) +
                  ", reconnecting: " + down.what());
    }
    if (!reconnect()) break;
    connected_ = true;
    log_info("connected to the broker at " + broker_address(options_) + " again");
  }
  const std::string text = "the transport is closed";
  mailbox_.end(ErrorKind::kTransient, text);
  session_.fail_all(ErrorKind::kTransient, text);
}

/// Tries until it works; false when closing was requested. Throws when time is up or the login is refused.
bool AmqpTransport::reconnect() {
  const Clock::time_point deadline = Clock::now() + as_milliseconds(options_.reconnect_timeout_s);
  Backoff backoff;
  int refused = 0;
  for (;;) {
    if (wait_for_close(backoff.next())) return false;
    try {
      session_.attach(std::make_unique<AmqpLink>(options_, kAttempt));
      return true;
    } catch (const UsageError&) {
      session_.detach();
      if (++refused >= kMaxRefusedLogins) throw;
    } catch (const LinkDown& down) {
      session_.detach();
      if (Clock::now() >= deadline) {
        throw TransientError("the broker at " + broker_address(options_) + " has been away for more than " +
                             seconds_text(options_.reconnect_timeout_s) + ": " + down.what() +
                             "; start it and run again");
      }
    }
  }
}

}  // namespace

std::unique_ptr<Transport> connect_amqp(const AmqpOptions& options) {
  check_plaintext(options);
  // The library writes to sockets the broker may have closed; its own guard is not relied upon.
  struct sigaction action {};
  sigaction(SIGPIPE, nullptr, &action);
  if (action.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
  return std::make_unique<AmqpTransport>(options);
}

}  // namespace tilecompile
