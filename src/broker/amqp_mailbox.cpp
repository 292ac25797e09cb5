#include "amqp_mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace tilecompile {

void throw_error(ErrorKind kind, const std::string& text) {
  if (kind == ErrorKind::kUsage) throw UsageError(text);
  if (kind == ErrorKind::kContract) throw ContractError(text);
  throw TransientError(text);
}

std::exception_ptr make_error(ErrorKind kind, const std::string& text) {
  if (kind == ErrorKind::kUsage) return std::make_exception_ptr(UsageError(text));
  if (kind == ErrorKind::kContract) return std::make_exception_ptr(ContractError(text));
  return std::make_exception_ptr(TransientError(text));
}

AmqpMailbox::AmqpMailbox() : wake_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (wake_fd_ < 0) throw TransientError("cannot create an event descriptor: too many open files");
}

AmqpMailbox::~AmqpMailbox() { ::close(wake_fd_); }

void AmqpMailbox::check_open() const {
  if (ended_) throw_error(end_kind_, end_text_);
  if (work_.closing) throw TransientError("the transport is closed");
}

void AmqpMailbox::wake() {
  if (awake_) return;
  awake_ = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

void AmqpMailbox::settle(const Settlement& settlement) {
  const std::lock_guard<std::mutex> lock(mutex_);
  check_open();
  work_.settlements.push_back(settlement);
  wake();
}

std::future<void> AmqpMailbox::publish(PublishOrder order) {
  std::future<void> confirmed = order.confirmed.get_future();
  const std::lock_guard<std::mutex> lock(mutex_);
  check_open();
  work_.publishes.push_back(std::move(order));
  wake();
  return confirmed;
}

void AmqpMailbox::perform(std::function<void(AmqpSession&)> action) {
  std::future<void> done;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    check_open();
    work_.requests.push_back({std::move(action), {}, 0});
    done = work_.requests.back().done.get_future();
    wake();
  }
  done.get();  // the I/O thread answers every request, at the latest when it ends
}

std::optional<Delivery> AmqpMailbox::receive(std::chrono::milliseconds timeout) {
  // A deadline far away must not overflow the clock.
  constexpr std::chrono::hours kLongWait{24 * 365};
  std::unique_lock<std::mutex> lock(mutex_);
  check_open();
  delivered_.wait_for(lock, std::min<std::chrono::milliseconds>(timeout, kLongWait),
                      [this] { return !inbox_.empty() || ended_ || work_.closing; });
  check_open();
  if (inbox_.empty()) return std::nullopt;
  Delivery delivery = std::move(inbox_.front());
  inbox_.pop_front();
  return delivery;
}

void AmqpMailbox::request_close() {
  const std::lock_guard<std::mutex> lock(mutex_);
  work_.closing = true;
  wake();
  closing_changed_.notify_all();
  delivered_.notify_all();
}

std::string AmqpMailbox::blocked() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return blocked_;
}

void AmqpMailbox::set_blocked(const std::string& reason) {
  const std::lock_guard<std::mutex> lock(mutex_);
  blocked_ = reason;
}

AmqpMailbox::Work AmqpMailbox::take_work() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (awake_) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof count);
    awake_ = false;
  }
  Work taken;
  std::swap(taken, work_);
  work_.closing = taken.closing;
  return taken;
}

void AmqpMailbox::deliver(Delivery delivery) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    inbox_.push_back(std::move(delivery));
  }
  delivered_.notify_one();
}

void AmqpMailbox::drop_deliveries() {
  const std::lock_guard<std::mutex> lock(mutex_);
  inbox_.clear();
}

void AmqpMailbox::drop_deliveries(std::uint64_t connection) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::erase_if(inbox_, [&](const Delivery& delivery) { return delivery.tag.connection == connection; });
}

std::vector<DeliveryTag> AmqpMailbox::take_deliveries(const std::string& queue) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<DeliveryTag> tags;
  for (const Delivery& delivery : inbox_) {
    if (delivery.queue == queue) tags.push_back(delivery.tag);
  }
  std::erase_if(inbox_, [&](const Delivery& delivery) { return delivery.queue == queue; });
  return tags;
}

bool AmqpMailbox::wait_for_close(std::chrono::milliseconds time) {
  std::unique_lock<std::mutex> lock(mutex_);
  return closing_changed_.wait_for(lock, time, [this] { return work_.closing; });
}

void AmqpMailbox::end(ErrorKind kind, const std::string& text) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ended_ = true;
  end_kind_ = kind;
  end_text_ = text;
  inbox_.clear();
  delivered_.notify_all();
}

}  // namespace tilecompile
