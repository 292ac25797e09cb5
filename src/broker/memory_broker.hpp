#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// The queues and parties of one in-process broker. Every member function expects the
/// caller to hold the mutex.
struct MemoryBroker::State {
  using Clock = std::chrono::steady_clock;
  using TimePoint = Clock::time_point;
  /// Place in a queue: higher priority first, then order of arrival. A message handed back keeps its place.
  using Place = std::pair<int, std::uint64_t>;

  struct Stored {
    Message message;
    bool redelivered = false;
    TimePoint expires = TimePoint::max();
    Place place;
  };
  struct Party;
  struct Queue {
    QueueSpec spec;
    std::map<Place, Stored> ready;
    std::deque<Party*> consumers;  ///< the next to serve stands first
    TimePoint last_used;
    bool removed = false;  ///< still referred to by unacknowledged deliveries
  };
  struct Unacked {
    std::shared_ptr<Queue> queue;
    Stored stored;
    std::uint64_t subscription = 0;
  };
  struct Subscription {
    int prefetch = 1;
    bool exclusive = false;
    int outstanding = 0;
    std::uint64_t id = 0;  ///< deliveries of an earlier subscription do not count here
  };
  struct Party {
    std::map<std::string, QueueSpec> declared;
    std::deque<Delivery> inbox;
    std::map<std::uint64_t, Unacked> unacked;
    std::map<std::string, Subscription> subscriptions;
    std::condition_variable changed;
    bool closed = false;
  };

  void declare(Party& party, const QueueSpec& spec);
  /// Removes the queue and the party's interest in it. Consumers of other parties live on: one that declared
  /// the queue declares it again, as the AMQP transport does when told that its queue is gone.
  void remove(Party& party, const std::string& name);
  void declare_fanout(const std::string& exchange);
  enum class Outcome { kTaken, kUnroutable, kRefused };
  Outcome publish(const std::string& exchange, const std::string& name, const Message& message);
  void subscribe(Party& party, const std::string& name, int prefetch, bool exclusive);
  void unsubscribe(Party& party, const std::string& name);
  /// Ends a delivery: acknowledged, handed back or dead-lettered. An unknown tag is nothing.
  enum class Verdict { kAck, kRequeue, kDrop };
  void settle(Party& party, std::uint64_t tag, Verdict verdict);
  /// Applies message and queue expiry up to now.
  void expire();
  /// When the next message expires.
  TimePoint next_expiry() const;
  std::shared_ptr<Queue> find(const std::string& name) const;

  std::mutex mutex;
  std::set<Party*> parties;

 private:
  static bool full(const Queue& queue);      ///< what is published to it is refused
  static bool too_long(const Queue& queue);  ///< its oldest message has to go
  void create(const QueueSpec& spec);
  void erase(const std::string& name);
  void enqueue(Queue& queue, Message message, int hops);
  void dead_letter(const Queue& queue, Message message, const char* reason, int hops);
  void dispatch(const std::shared_ptr<Queue>& queue);

  std::map<std::string, std::shared_ptr<Queue>> queues_;
  std::map<std::string, std::set<std::string>> bindings_;  ///< exchange -> queue names (their own key)
  std::set<std::string> fanouts_;
  std::uint64_t arrivals_ = 0;
  std::uint64_t tags_ = 0;
  std::uint64_t subscriptions_ = 0;
};

}  // namespace tilecompile
