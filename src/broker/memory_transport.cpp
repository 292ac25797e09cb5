#include <algorithm>
#include <limits>

#include "memory_broker.hpp"
#include "message_rules.hpp"

namespace tilecompile {
namespace {

/// One party of a memory broker. The state is a template parameter only because it is private to
/// MemoryBroker, whose connect() names it.
template <class State>
class MemoryTransport : public Transport {
 public:
  explicit MemoryTransport(std::shared_ptr<State> state) : state_(std::move(state)) {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->parties.insert(&party_);
  }
  ~MemoryTransport() override { MemoryTransport::close(); }

  void declare(const QueueSpec& queue) override {
    check_queue_spec(queue);
    const auto lock = enter();
    state_->declare(party_, queue);
  }

  void declare_fanout(const std::string& exchange) override {
    check_exchange_name(exchange);
    const auto lock = enter();
    state_->declare_fanout(exchange);
  }

  void remove_queue(const std::string& name) override {
    const auto lock = enter();
    state_->remove(party_, name);
  }

  std::optional<QueueState> inspect(const std::string& name) override {
    const auto lock = enter();
    state_->expire();
    const auto queue = state_->find(name);
    if (!queue) return std::nullopt;
    queue->last_used = State::Clock::now();  // as on the real broker, looking counts as use
    return QueueState{queue->ready.size(), queue->consumers.size()};
  }

  void consume(const std::string& queue, int prefetch, bool exclusive) override {
    check_prefetch(queue, prefetch);
    const auto lock = enter();
    state_->subscribe(party_, queue, prefetch, exclusive);
  }

  void cancel(const std::string& queue) override {
    const auto lock = enter();
    state_->unsubscribe(party_, queue);
  }

  bool consuming(const std::string& queue) override {
    const auto lock = enter();
    return state_->find(queue) != nullptr && party_.subscriptions.count(queue) > 0;
  }

  std::optional<Delivery> receive(std::chrono::milliseconds timeout) override {
    // A deadline far away must not overflow the clock.
    const auto deadline = State::Clock::now() + std::min<std::chrono::milliseconds>(timeout, kLongWait);
    std::unique_lock<std::mutex> lock = enter();
    for (;;) {
      if (party_.closed) throw TransientError("the transport was closed while waiting for a message");
      state_->expire();
      if (!party_.inbox.empty()) break;
      if (State::Clock::now() >= deadline) return std::nullopt;
      party_.changed.wait_until(lock, std::min(deadline, state_->next_expiry()));
    }
    Delivery delivery = std::move(party_.inbox.front());
    party_.inbox.pop_front();
    // Whoever waits beside us was perhaps not woken: a timed-out wait can swallow a notification.
    if (!party_.inbox.empty()) party_.changed.notify_one();
    return delivery;
  }

  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    check_message(exchange, queue, std::numeric_limits<std::size_t>::max(), message);
    std::promise<void> promise;
    const auto lock = enter();
    const auto outcome = state_->publish(exchange, queue, message);
    if (outcome == State::Outcome::kTaken) {
      promise.set_value();
    } else if (outcome == State::Outcome::kRefused) {
      promise.set_exception(std::make_exception_ptr(NotTakenError(
          "the broker refused message " + message.message_id + " for queue '" + queue + "': it is full")));
    } else {
      promise.set_exception(std::make_exception_ptr(
          UnroutableError("no queue took message " + message.message_id + " for queue '" + queue +
                          "' at exchange '" + exchange + "': the queue is gone or not bound")));
    }
    return promise.get_future();
  }

  void ack(const DeliveryTag& tag) override {
    const auto lock = enter();
    state_->settle(party_, tag.tag, State::Verdict::kAck);
  }

  void reject(const DeliveryTag& tag, bool requeue) override {
    const auto lock = enter();
    state_->settle(party_, tag.tag, requeue ? State::Verdict::kRequeue : State::Verdict::kDrop);
  }

  bool connected() const override {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    return !party_.closed;
  }

  void close() override {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    if (party_.closed) return;
    party_.closed = true;
    while (!party_.subscriptions.empty()) {
      state_->unsubscribe(party_, std::string(party_.subscriptions.begin()->first));
    }
    while (!party_.unacked.empty()) {
      state_->settle(party_, party_.unacked.begin()->first, State::Verdict::kRequeue);
    }
    state_->parties.erase(&party_);
    party_.changed.notify_all();
  }

 private:
  static constexpr std::chrono::hours kLongWait{24 * 365};

  std::unique_lock<std::mutex> enter() {
    std::unique_lock<std::mutex> lock(state_->mutex);
    if (party_.closed) throw TransientError("the transport is closed");
    return lock;
  }

  std::shared_ptr<State> state_;
  typename State::Party party_;
};

}  // namespace

MemoryBroker::MemoryBroker() : state_(std::make_shared<State>()) {}
MemoryBroker::~MemoryBroker() = default;

std::unique_ptr<Transport> MemoryBroker::connect() {
  return std::make_unique<MemoryTransport<State>>(state_);
}

}  // namespace tilecompile
