#include "tilecompile/operate/dead_letters.hpp"

#include <algorithm>
#include <chrono>

#include "tilecompile/base/error.hpp"
#include "tilecompile/protocol/broker_alarm.hpp"
#include "tilecompile/protocol/broker_link.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

constexpr int kMostLetters = 65535;
constexpr std::chrono::seconds kPatience{5};

DeadLetter as_letter(const Message& message) {
  DeadLetter letter;
  letter.id = message.message_id;
  letter.message = message;
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
    const TileTask task = decode_task(message.body);
    letter.run_id = task.run_id;
    for (const TaskTile& tile : task.tiles) letter.tiles.push_back(tile.tile_id);
  } catch (const InputError&) {
    letter.run_id.clear();  // that is why it lies here
  }
  return letter;
}

}  // namespace

void visit_dead_letters(Transport& transport, const std::function<LetterFate(const DeadLetter&)>& decide) {
  const auto state = transport.inspect(kDeadLetterQueue);
  if (!state || state->messages == 0) return;
  transport.consume(kDeadLetterQueue, kMostLetters);
  std::vector<DeliveryTag> kept;
  for (std::uint64_t i = 0; i < std::min<std::uint64_t>(state->messages, kMostLetters); ++i) {
    const auto delivery = transport.receive(kPatience);
    if (!delivery) break;  // another reader has the rest
    if (decide(as_letter(delivery->message)) == LetterFate::kDrop)
      transport.ack(delivery->tag);
    else
      kept.push_back(delivery->tag);
  }
  transport.cancel(kDeadLetterQueue);
  for (const DeliveryTag& tag : kept) transport.reject(tag, true);
}

std::vector<DeadLetter> list_dead_letters(const BrokerConfig& broker) {
  const auto transport = connect_broker(broker, "tilecompile dlq");
  find_alarm(*transport);  // for the log
  std::vector<DeadLetter> letters;
  visit_dead_letters(*transport, [&](const DeadLetter& letter) {
    letters.push_back(letter);
    return LetterFate::kKeep;
  });
  transport->close();
  return letters;
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
                                  task_message(decode_task(letter.message.body), envelope, queue)));
}

}  // namespace tilecompile
