#pragma once
#include <memory>
#include <string>
#include <utility>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// Passes every call on; a derived class changes some of them.
class ForwardingTransport : public Transport {
 public:
  explicit ForwardingTransport(std::unique_ptr<Transport> inner) : inner_(std::move(inner)) {}

  void declare(const QueueSpec& queue) override { inner_->declare(queue); }
  void remove_queue(const std::string& name) override { inner_->remove_queue(name); }
  std::optional<QueueState> inspect(const std::string& name) override { return inner_->inspect(name); }
  void consume(const std::string& queue, int prefetch, bool exclusive) override {
    inner_->consume(queue, prefetch, exclusive);
  }
  void cancel(const std::string& queue) override { inner_->cancel(queue); }
  bool consuming(const std::string& queue) override { return inner_->consuming(queue); }
  /// The next delivery that `intercept` does not take for itself.
  std::optional<Delivery> receive(std::chrono::milliseconds timeout) override;
  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    return inner_->publish(exchange, queue, std::move(message));
  }
  void ack(const DeliveryTag& tag) override { inner_->ack(tag); }
  void reject(const DeliveryTag& tag, bool requeue) override { inner_->reject(tag, requeue); }
  bool connected() const override { return inner_->connected(); }
  std::string blocked() const override { return inner_->blocked(); }
  void close() override { inner_->close(); }

 protected:
  /// True when the delivery has been dealt with and is not for the caller of receive.
  virtual bool intercept(const Delivery&) { return false; }

  std::unique_ptr<Transport> inner_;
};

}  // namespace tilecompile
