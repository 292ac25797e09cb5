#include "tilecompile/run/task_message.hpp"

#include <nlohmann/json.hpp>
#include <sstream>

#include "tilecompile/base/strict_json.hpp"
#include "tilecompile/run/diagnostics_sender.hpp"
#include "tilecompile/run/run_directory.hpp"
#include "tilecompile/run/setup.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr int kMostAttempts = 1 << 20;
// Headers travel in one frame, and a transport takes 64 KiB of them.
constexpr std::size_t kReasonBytes = 8192;
constexpr std::size_t kForeignHeaderBytes = 32768;
constexpr std::size_t kQueueNameBytes = 255;

std::string header(const Message& message, const char* name, std::size_t most_bytes = kForeignHeaderBytes) {
  const auto found = message.headers.find(name);
  if (found == message.headers.end()) return "";
  if (found->second.size() > most_bytes)
    throw InputError(std::string("task header ") + name + " has " + std::to_string(found->second.size()) +
                     " bytes, expected at most " + std::to_string(most_bytes));
  return found->second;
}

double number_within(StrictObject& o, const char* key, double low, double high) {
  const double value = o.number(key);
  if (!(value >= low && value <= high)) o.fail(key, "is out of range");
  return value;
}

RetryPolicy read_policy(const std::string& text) {
  const json j = StrictObject::parse(text, std::string("task header ") + kRetryHeader);
  StrictObject o(j, std::string("task header ") + kRetryHeader);
  RetryPolicy policy;
  policy.max_attempts = static_cast<int>(o.integer("max_attempts", 1, kMostAttempts));
  policy.base_s = number_within(o, "base_s", 0, 86400);
  policy.factor = number_within(o, "factor", 1, 1000);
  policy.cap_s = number_within(o, "cap_s", 0, 86400);
  policy.max_worker_deaths = static_cast<int>(o.integer("max_worker_deaths", 1, kMostAttempts));
  o.done();
  return policy;
}

std::string policy_text(const RetryPolicy& policy) {
  return json{{"max_attempts", policy.max_attempts},
              {"base_s", policy.base_s},
              {"factor", policy.factor},
              {"cap_s", policy.cap_s},
              {"max_worker_deaths", policy.max_worker_deaths}}
      .dump();
}

}  // namespace

const char* const kAttemptHeader = "x-tilecompile-attempt";
const char* const kRetryHeader = "x-tilecompile-retry";
const char* const kDiedHeader = "x-tilecompile-died";
const char* const kReasonHeader = "x-tilecompile-reason";
const char* const kKindHeader = "x-tilecompile-kind";
const char* const kWorkerHeader = "x-tilecompile-worker";
const char* const kTimeHeader = "x-tilecompile-time";

Message task_message(const TileTask& task, const TaskEnvelope& envelope, const std::string& reply_to) {
  Message message;
  message.body = encode_task(task);
  message.correlation_id = task.correlation_id;
  message.message_id = task.run_id + ":" + std::to_string(task.tiles.front().tile_id);
  message.reply_to = reply_to;
  message.headers[kAttemptHeader] = std::to_string(envelope.attempt);
  message.headers[kRetryHeader] = policy_text(envelope.retry);
  std::string died;
  for (const std::string& one : envelope.died) died += (died.empty() ? "" : "\n") + one;
  if (!died.empty()) message.headers[kDiedHeader] = died;
  if (!envelope.diagnostics_queue.empty()) message.headers[kDiagnosticsHeader] = envelope.diagnostics_queue;
  return message;
}

TaskEnvelope read_envelope(const Message& message) {
  TaskEnvelope envelope;
  if (const std::string text = header(message, kAttemptHeader); !text.empty()) {
    const bool digits = text.size() < 8 && text.find_first_not_of("0123456789") == std::string::npos;
    envelope.attempt = digits ? std::stoi(text) : 0;
    if (envelope.attempt < 1 || envelope.attempt > kMostAttempts)
      throw InputError(std::string("task header ") + kAttemptHeader + " is '" + text +
                       "', expected a number from 1 on");
  }
  if (const std::string text = header(message, kRetryHeader); !text.empty())
    envelope.retry = read_policy(text);
  envelope.diagnostics_queue = header(message, kDiagnosticsHeader, kQueueNameBytes);
  std::istringstream died(header(message, kDiedHeader, kMostDeathBytes));
  for (std::string one; std::getline(died, one);) envelope.died.push_back(one);
  return envelope;
}

void drop_headers_beyond_limit(Message& message) {
  std::size_t kept = 0;
  std::erase_if(message.headers, [&kept](const auto& h) {
    const std::size_t size = h.first.size() + h.second.size() + 16;
    if (h.first.empty() || kept + size > kForeignHeaderBytes) return true;
    kept += size;
    return false;
  });
}

void send_later(Transport& transport, const Message& message, int delay_s, bool quorum) {
  try {
    transport.publish(kTaskExchange, retry_queue(delay_s), message).get();
  } catch (const UnroutableError&) {
    declare_if_allowed(transport, retry_queue_spec(delay_s, quorum));
    transport.publish(kTaskExchange, retry_queue(delay_s), message).get();
  }
}

void send_to_dead_letters(Transport& transport, Message message, const DeathNote& note) {
  drop_headers_beyond_limit(message);
  message.headers[kReasonHeader] = note.failure.text.substr(0, kReasonBytes);
  message.headers[kKindHeader] = kind_name(note.failure.kind);
  message.headers[kWorkerHeader] = note.worker_id;
  message.headers[kTimeHeader] = utc_now();
  transport.publish(kResultExchange, kDeadLetterQueue, std::move(message)).get();
}

}  // namespace tilecompile
