#include "memory_broker.hpp"

#include <algorithm>

namespace tilecompile {
namespace {

// Dead-letter chains longer than this are circles; the broker drops what runs in one.
constexpr int kMaxHops = 8;

bool same_arguments(const QueueSpec& a, const QueueSpec& b) {
  return a.expires_ms == b.expires_ms && a.message_ttl_ms == b.message_ttl_ms &&
         a.max_length == b.max_length && a.dead_letter_queue == b.dead_letter_queue &&
         a.max_priority == b.max_priority && a.quorum == b.quorum;  // other bounds are taken as they are
}

}  // namespace

std::shared_ptr<MemoryBroker::State::Queue> MemoryBroker::State::find(const std::string& name) const {
  const auto found = queues_.find(name);
  return found == queues_.end() ? nullptr : found->second;
}

void MemoryBroker::State::create(const QueueSpec& spec) {
  auto queue = std::make_shared<Queue>();
  queue->spec = spec;
  for (Party* party : parties) {
    if (party->subscriptions.count(spec.name) > 0) queue->consumers.push_back(party);
  }
  queues_[spec.name] = std::move(queue);
}

void MemoryBroker::State::declare(Party& party, const QueueSpec& spec) {
  expire();
  const std::shared_ptr<Queue> existing = find(spec.name);
  if (existing && !same_arguments(existing->spec, spec)) {
    throw UsageError("queue '" + spec.name +
                     "' exists with other arguments: declare it with the same ones, or remove it first");
  }
  if (!existing) create(spec);
  find(spec.name)->last_used = Clock::now();
  if (!spec.exchange.empty()) bindings_[spec.exchange].insert(spec.name);
  party.declared[spec.name] = spec;
}

void MemoryBroker::State::erase(const std::string& name) {
  const std::shared_ptr<Queue> queue = find(name);
  if (!queue) return;
  queue->removed = true;
  queue->ready.clear();
  for (Party* consumer : queue->consumers) consumer->subscriptions.at(name).outstanding = 0;
  queue->consumers.clear();
  queues_.erase(name);
  for (auto& [exchange, names] : bindings_) names.erase(name);
}

void MemoryBroker::State::remove(Party& party, const std::string& name) {
  erase(name);
  party.subscriptions.erase(name);
  party.declared.erase(name);
  for (Party* other : parties) {
    const auto declared = other->declared.find(name);
    if (other->subscriptions.count(name) > 0 && declared != other->declared.end()) {
      declare(*other, QueueSpec(declared->second));
      return;
    }
  }
}

MemoryBroker::State::Outcome MemoryBroker::State::publish(const std::string& exchange,
                                                          const std::string& name, const Message& message) {
  expire();
  std::set<std::string> targets = {name};
  if (fanouts_.count(exchange) > 0) {
    targets = bindings_[exchange];
  } else if (!exchange.empty()) {
    const auto bound = bindings_.find(exchange);
    if (bound == bindings_.end() || bound->second.count(name) == 0) return Outcome::kUnroutable;
  }
  Outcome outcome = Outcome::kUnroutable;
  for (const std::string& target : targets) {
    const std::shared_ptr<Queue> queue = find(target);
    if (!queue) continue;
    if (outcome == Outcome::kUnroutable) outcome = Outcome::kTaken;
    if (full(*queue)) {
      outcome = Outcome::kRefused;
      continue;
    }
    enqueue(*queue, message, 0);
    dispatch(queue);
  }
  return outcome;
}

void MemoryBroker::State::declare_fanout(const std::string& exchange) { fanouts_.insert(exchange); }

// Bytes are not counted: nobody but this process sends here. What consumers hold does not count either.
bool MemoryBroker::State::full(const Queue& queue) {
  const QueueBounds& bounds = queue.spec.bounds;
  return bounds.messages > 0 && !bounds.keep_newest &&
         queue.ready.size() >= static_cast<std::size_t>(bounds.messages);
}

bool MemoryBroker::State::too_long(const Queue& queue) {
  const QueueBounds& bounds = queue.spec.bounds;
  const std::int64_t most =
      bounds.keep_newest && bounds.messages > 0 ? bounds.messages : queue.spec.max_length;
  return most > 0 && queue.ready.size() > static_cast<std::size_t>(most);
}

void MemoryBroker::State::enqueue(Queue& queue, Message message, int hops) {
  Stored stored;
  const int priority = std::clamp(message.priority, 0, queue.spec.max_priority);
  stored.place = {-priority, ++arrivals_};
  if (queue.spec.message_ttl_ms > 0) {
    stored.expires = Clock::now() + std::chrono::milliseconds(queue.spec.message_ttl_ms);
  }
  stored.message = std::move(message);
  queue.ready.emplace(stored.place, std::move(stored));
  // A consumer with room takes the message at once, so only what waits counts: the limit is applied after
  // dispatch would have made room.
  if (too_long(queue)) {
    dispatch(find(queue.spec.name));
    while (too_long(queue)) {
      Message dropped = std::move(queue.ready.begin()->second.message);
      queue.ready.erase(queue.ready.begin());
      dead_letter(queue, std::move(dropped), "maxlen", hops);
    }
  }
}

void MemoryBroker::State::dead_letter(const Queue& queue, Message message, const char* reason, int hops) {
  if (queue.spec.dead_letter_queue.empty() || hops >= kMaxHops) return;
  const std::shared_ptr<Queue> target = find(queue.spec.dead_letter_queue);
  if (!target) return;
  message.headers.emplace("x-first-death-reason", reason);
  message.headers.emplace("x-first-death-queue", queue.spec.name);
  enqueue(*target, std::move(message), hops + 1);
  dispatch(target);
}

void MemoryBroker::State::dispatch(const std::shared_ptr<Queue>& queue) {
  std::size_t full = 0;
  while (!queue->ready.empty() && full < queue->consumers.size()) {
    Party* party = queue->consumers.front();
    queue->consumers.pop_front();
    queue->consumers.push_back(party);
    Subscription& subscription = party->subscriptions.at(queue->spec.name);
    if (subscription.outstanding >= subscription.prefetch) {
      ++full;
      continue;
    }
    full = 0;
    Stored stored = std::move(queue->ready.begin()->second);
    queue->ready.erase(queue->ready.begin());
    ++subscription.outstanding;
    const std::uint64_t tag = ++tags_;
    party->inbox.push_back({stored.message, queue->spec.name, {1, tag}, stored.redelivered});
    party->unacked.emplace(tag, Unacked{queue, std::move(stored), subscription.id});
    party->changed.notify_one();
  }
}

void MemoryBroker::State::subscribe(Party& party, const std::string& name, int prefetch, bool exclusive) {
  expire();
  const std::shared_ptr<Queue> queue = find(name);
  if (!queue) throw UsageError("cannot consume queue '" + name + "': it does not exist; declare it first");
  if (party.subscriptions.count(name) > 0) throw ContractError("queue '" + name + "' is consumed already");
  const bool taken = std::any_of(queue->consumers.begin(), queue->consumers.end(), [&](Party* other) {
    return exclusive || other->subscriptions.at(name).exclusive;
  });
  if (taken) {
    throw UsageError("cannot consume queue '" + name + "': another consumer has it; stop that one first");
  }
  party.subscriptions[name] = {prefetch, exclusive, 0, ++subscriptions_};
  queue->consumers.push_back(&party);
  dispatch(queue);
}

void MemoryBroker::State::unsubscribe(Party& party, const std::string& name) {
  if (party.subscriptions.erase(name) == 0) return;
  const std::shared_ptr<Queue> queue = find(name);
  if (queue) {
    std::erase(queue->consumers, &party);
    queue->last_used = Clock::now();
  }
  std::vector<std::uint64_t> tags;
  for (const Delivery& delivery : party.inbox) {
    if (delivery.queue == name) tags.push_back(delivery.tag.tag);
  }
  std::erase_if(party.inbox, [&](const Delivery& delivery) { return delivery.queue == name; });
  for (const std::uint64_t tag : tags) settle(party, tag, Verdict::kRequeue);
}

void MemoryBroker::State::settle(Party& party, std::uint64_t tag, Verdict verdict) {
  const auto found = party.unacked.find(tag);
  if (found == party.unacked.end()) return;
  Unacked unacked = std::move(found->second);
  party.unacked.erase(found);
  Queue& queue = *unacked.queue;
  const auto subscription = party.subscriptions.find(queue.spec.name);
  if (queue.removed) return;
  if (subscription != party.subscriptions.end() && subscription->second.id == unacked.subscription) {
    --subscription->second.outstanding;
  }
  if (verdict == Verdict::kRequeue) {
    unacked.stored.redelivered = true;
    const Place place = unacked.stored.place;
    queue.ready.emplace(place, std::move(unacked.stored));
  } else if (verdict == Verdict::kDrop) {
    dead_letter(queue, std::move(unacked.stored.message), "rejected", 0);
  }
  dispatch(unacked.queue);
}

void MemoryBroker::State::expire() {
  const TimePoint now = Clock::now();
  std::vector<std::shared_ptr<Queue>> all;
  for (const auto& [name, queue] : queues_) {
    if (queue->spec.message_ttl_ms > 0 || queue->spec.expires_ms > 0) all.push_back(queue);
  }
  for (const std::shared_ptr<Queue>& queue : all) {
    while (!queue->ready.empty() && queue->ready.begin()->second.expires <= now) {
      Message expired = std::move(queue->ready.begin()->second.message);
      queue->ready.erase(queue->ready.begin());
      dead_letter(*queue, std::move(expired), "expired", 0);
    }
    if (queue->spec.expires_ms > 0 && queue->consumers.empty() &&
        now - queue->last_used > std::chrono::milliseconds(queue->spec.expires_ms)) {
      erase(queue->spec.name);
    }
  }
}

MemoryBroker::State::TimePoint MemoryBroker::State::next_expiry() const {
  TimePoint next = TimePoint::max();
  for (const auto& [name, queue] : queues_) {
    if (!queue->ready.empty()) next = std::min(next, queue->ready.begin()->second.expires);
  }
  return next;
}

}  // namespace tilecompile
