#include "tilecompile/operate/dead_letters.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>
#include <utility>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/any_task.hpp"
#include "tilecompile/protocol/broker_alarm.hpp"
#include "tilecompile/protocol/broker_link.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

// Letters in memory at a time; a body may have 16 MiB.
constexpr std::uint64_t kWindow = 8;
constexpr std::chrono::seconds kPatience{5};
// A quorum queue counts how often a message came back, and RabbitMQ 4 drops it after 20 times unless the
// queue allows more.
constexpr const char* kReturnsHeader = "x-delivery-count";
constexpr long kMostReturns = 5;

DeadLetter as_letter(Message taken) {
  DeadLetter letter;
  letter.message = std::move(taken);
  const Message& message = letter.message;
  letter.id = message.message_id;
  const auto header = [&](const char* name) {
    const auto found = message.headers.find(name);
    return found == message.headers.end() ? std::string() : found->second;
  };
  letter.kind = header(kKindHeader);
  letter.reason = header(kReasonHeader);
  letter.worker_id = header(kWorkerHeader);
  letter.time = header(kTimeHeader);
  letter.attempt = header(kAttemptHeader);
  try {
    const TileTask task = decode_any_task(message.body);
    letter.run_id = task.run_id;
    for (const TaskTile& tile : task.tiles) letter.tiles.push_back(tile.tile_id);
  } catch (const InputError&) {
    letter.run_id.clear();  // that is why it lies here
  }
  return letter;
}

/// Letters that are looked at and stay. They go back to the queue when all have been seen, to their places;
/// those that came back often are put in again as new ones instead, and all behind them too, to keep their
/// order.
class LettersInHand {
 public:
  explicit LettersInHand(Transport& transport) : transport_(transport) {}
  ~LettersInHand() {
    for (const DeliveryTag& tag : kept_) give_back(tag);
  }
  LettersInHand(const LettersInHand&) = delete;
  LettersInHand& operator=(const LettersInHand&) = delete;

  void settle(Delivery delivery, const std::function<LetterFate(const DeadLetter&)>& decide) {
    const DeliveryTag tag = delivery.tag;
    const DeadLetter letter = as_letter(std::move(delivery.message));
    if (decide(letter) == LetterFate::kDrop)
      transport_.ack(tag);
    else if (!renewed(letter.message, tag))
      kept_.push_back(tag);
  }

 private:
  bool renewed(Message message, const DeliveryTag& tag) {
    const auto returns = message.headers.find(kReturnsHeader);
    if (returns != message.headers.end()) {
      renewing_ = renewing_ || std::atol(returns->second.c_str()) >= kMostReturns;
      message.headers.erase(returns);
    }
    if (!renewing_) return false;
    try {
      await_confirm(transport_, transport_.publish("", kDeadLetterQueue, std::move(message)));
      transport_.ack(tag);
    } catch (const Error& error) {
      log_debug(std::string("a dead letter is handed back as it is: ") + error.what());
      return false;
    }
    return true;
  }
  void give_back(const DeliveryTag& tag) {
    try {
      transport_.reject(tag, true);
    } catch (const Error& error) {
      log_debug(std::string("the broker gives back a dead letter by itself: ") + error.what());
    }
  }

  Transport& transport_;
  std::vector<DeliveryTag> kept_;
  bool renewing_ = false;
};

}  // namespace

void visit_dead_letters(Transport& transport, const std::function<LetterFate(const DeadLetter&)>& decide) {
  const auto state = transport.inspect(kDeadLetterQueue);
  std::uint64_t left = state ? state->messages : 0;
  LettersInHand in_hand(transport);
  while (left > 0) {
    const int window = static_cast<int>(std::min<std::uint64_t>(left, kWindow));
    transport.consume(kDeadLetterQueue, window);
    std::vector<Delivery> round;
    while (round.size() < static_cast<std::size_t>(window)) {
      auto delivery = transport.receive(kPatience);
      if (!delivery) break;  // another reader has the rest
      round.push_back(std::move(*delivery));
    }
    // Before any of them is settled, or more would come, only to be handed back.
    transport.cancel(kDeadLetterQueue);
    for (Delivery& delivery : round) in_hand.settle(std::move(delivery), decide);
    left = round.size() < static_cast<std::size_t>(window) ? 0 : left - round.size();
  }
}

std::size_t most_dead_letters() {
  return static_cast<std::size_t>(dead_letter_queue_spec(false).bounds.messages);
}

void for_each_dead_letter(const BrokerConfig& broker, const std::function<void(const DeadLetter&)>& show) {
  const auto transport = connect_broker(broker, "tilecompile dlq");
  find_alarm(*transport);  // for the log
  visit_dead_letters(*transport, [&](const DeadLetter& letter) {
    show(letter);
    return LetterFate::kKeep;
  });
  transport->close();
}

bool names_letter(const std::string& given, const std::string& id) {
  if (given == id) return true;
  const std::size_t colon = given.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  return id.starts_with(given.substr(0, colon)) &&
         id.substr(std::min(id.rfind(':'), id.size())) == given.substr(colon);
}

std::string whole_letter_id(const BrokerConfig& broker, const std::string& given) {
  std::set<std::string> found;
  for_each_dead_letter(broker, [&](const DeadLetter& letter) {
    if (names_letter(given, letter.id)) found.insert(letter.id);
  });
  if (found.empty() || found.count(given) > 0) return given;
  if (found.size() == 1) return *found.begin();
  std::string names;
  for (const std::string& id : found) names += (names.empty() ? "" : ", ") + id;
  throw UsageError("several dead letters begin with '" + given + "': " + names +
                   "; give more of the run's id");
}

EndedLetters end_dead_letters(const BrokerConfig& broker, const std::string& id, bool retry) {
  const auto transport = connect_broker(broker, "tilecompile dlq");
  find_alarm(*transport);  // for the log
  EndedLetters ended;
  visit_dead_letters(*transport, [&](const DeadLetter& letter) {
    if (!id.empty() && letter.id != id) return LetterFate::kKeep;
    try {
      if (retry) retry_dead_letter(*transport, letter);
    } catch (const Error& e) {
      ended.refused.emplace_back(e.what());
      return LetterFate::kKeep;
    }
    ++ended.ended;
    return LetterFate::kDrop;
  });
  transport->close();
  return ended;
}

void retry_dead_letter(Transport& transport, const DeadLetter& letter) {
  if (letter.run_id.empty())
    throw UsageError("the letter " + letter.id + " is no task and cannot be tried again: drop it");
  const std::string& queue = letter.message.reply_to;
  if (!queue.empty() && !transport.inspect(queue))
    throw TransientError(
        "run " + letter.run_id + " waits for no results now, so the letter " + letter.id +
        " stays: resume the run with --resume, which tries its failed tiles again by itself");
  TaskEnvelope envelope = read_envelope(letter.message);
  envelope.attempt = 1;
  envelope.care = TaskCare::kNone;
  await_confirm(transport,
                transport.publish(kTaskExchange, kComputeQueue,
                                  task_message(decode_any_task(letter.message.body), envelope, queue)));
}

}  // namespace tilecompile
