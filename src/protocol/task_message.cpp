#include "tilecompile/protocol/task_message.hpp"

#include <sstream>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/protocol/any_task.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

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

constexpr const char* kCareWords[] = {"", "announce", "alone"};  // in the order of TaskCare

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ",") + name;
  return all;
}

std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream words(text);
  for (std::string name; std::getline(words, name, ',');) names.push_back(name);
  return names;
}

TaskCare care_of(const std::string& word) {
  for (const TaskCare care : {TaskCare::kNone, TaskCare::kAnnounce, TaskCare::kAlone})
    if (word == kCareWords[static_cast<std::size_t>(care)]) return care;
  throw InputError(std::string("task header ") + kCareHeader + " is '" + word.substr(0, 40) +
                   "', expected 'announce' or 'alone'");
}

}  // namespace

const char* const kAttemptHeader = "x-tilecompile-attempt";
const char* const kBytesReadHeader = "x-tilecompile-bytes-read";
const char* const kCareHeader = "x-tilecompile-care";
const char* const kDiagnosticsHeader = "x-tilecompile-diagnostics";
const char* const kDistrustedHeader = "x-tilecompile-distrusted";
const char* const kNotByHeader = "x-tilecompile-not-by";
const char* const kReasonHeader = "x-tilecompile-reason";
const char* const kKindHeader = "x-tilecompile-kind";
const char* const kWorkerHeader = "x-tilecompile-worker";
const char* const kTimeHeader = "x-tilecompile-time";

Message task_message(const TileTask& task, const TaskEnvelope& envelope, const std::string& reply_to) {
  Message message;
  message.body = encode_any_task(task);
  message.correlation_id = task.correlation_id;
  message.message_id = task.run_id + ":" + std::to_string(task.tiles.front().tile_id);
  message.reply_to = reply_to;
  message.headers[kAttemptHeader] = std::to_string(envelope.attempt);
  if (envelope.care != TaskCare::kNone)
    message.headers[kCareHeader] = kCareWords[static_cast<std::size_t>(envelope.care)];
  if (!envelope.diagnostics_queue.empty()) message.headers[kDiagnosticsHeader] = envelope.diagnostics_queue;
  if (!envelope.distrusted.empty()) message.headers[kDistrustedHeader] = joined(envelope.distrusted);
  if (!envelope.not_by.empty()) message.headers[kNotByHeader] = joined(envelope.not_by);
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
  envelope.care = care_of(header(message, kCareHeader));
  envelope.diagnostics_queue = header(message, kDiagnosticsHeader, kQueueNameBytes);
  envelope.distrusted = names_in(header(message, kDistrustedHeader));
  envelope.not_by = names_in(header(message, kNotByHeader));
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

void send_to_dead_letters(Transport& transport, const std::string& exchange, Message message,
                          const DeathNote& note) {
  drop_headers_beyond_limit(message);
  message.headers[kReasonHeader] = note.failure.text.substr(0, kReasonBytes);
  message.headers[kKindHeader] = kind_name(note.failure.kind);
  message.headers[kWorkerHeader] = note.worker_id;
  message.headers[kTimeHeader] = utc_now();
  transport.publish(exchange, kDeadLetterQueue, std::move(message)).get();
}

}  // namespace tilecompile
