#include "signed_transport.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "tilecompile/base/hmac.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/task_message.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kLeastKeyBytes = 16, kMostKeys = 4, kKeyIdDigits = 8;
constexpr const char* kOwnerMark = " = ";
constexpr const char* kOwnHeaders = "x-tilecompile-";

// Tells keys apart while they are exchanged; says nothing about the key.
std::string key_id(const std::string& key) {
  return sha256_hex("tilecompile key id " + key).substr(0, kKeyIdDigits);
}

// With its length before it no part can pass for a piece of its neighbour.
void add_part(std::string& all, const std::string& part) { all += std::to_string(part.size()) + ":" + part; }

/// A line of the file: a key, and the worker that alone has it, if it says so.
struct OwnedKey {
  std::string key, owner;
  explicit OwnedKey(const std::string& line) : key(line.substr(0, line.find(kOwnerMark))) {
    if (key.size() < line.size()) owner = line.substr(key.size() + std::strlen(kOwnerMark));
  }
};

class SignedTransport : public ForwardingTransport {
 public:
  SignedTransport(std::unique_ptr<Transport> inner, const std::vector<std::string>& lines)
      : ForwardingTransport(std::move(inner)), keys_(lines.begin(), lines.end()) {
    for (const OwnedKey& key : keys_) workers_have_keys_ = workers_have_keys_ || !key.owner.empty();
  }

  std::optional<Delivery> receive(std::chrono::milliseconds timeout) override {
    auto delivery = ForwardingTransport::receive(timeout);
    if (!delivery || !workers_have_keys_ || delivery->queue == kDeadLetterQueue) return delivery;
    const auto header = delivery->message.headers.find(kSignatureHeader);
    for (const OwnedKey& key : keys_)
      if (header != delivery->message.headers.end() && header->second.rfind(key_id(key.key) + ":", 0) == 0)
        delivery->sender = key.owner;
    return delivery;
  }

  std::future<void> publish(const std::string& exchange, const std::string& queue, Message message) override {
    if (message.message_id.empty()) message.message_id = new_uuid();
    message.headers[kSignatureHeader] = message_signature(keys_.front().key, queue, message);
    return inner_->publish(exchange, queue, std::move(message));
  }

 protected:
  bool intercept(const Delivery& delivery) override {
    const std::string why = objection(delivery);
    if (!why.empty()) refuse(delivery, why);
    return !why.empty();
  }

 private:
  /// Why a delivery is not to be trusted; empty when it is.
  std::string objection(const Delivery& delivery) const;
  void refuse(const Delivery& delivery, const std::string& why);

  std::vector<OwnedKey> keys_;
  bool workers_have_keys_ = false;
};

std::string SignedTransport::objection(const Delivery& delivery) const {
  if (delivery.queue == kDeadLetterQueue) return "";
  const auto header = delivery.message.headers.find(kSignatureHeader);
  if (header == delivery.message.headers.end()) return "it is not signed";
  bool known = false;
  for (const auto& [key, owner] : keys_) {
    if (equal_in_constant_time(header->second, message_signature(key, delivery.queue, delivery.message))) {
      // All share the key of tasks: an answer that bears it may come from anyone.
      if (workers_have_keys_ && owner.empty() && delivery.queue != kComputeQueue)
        return "it is signed with a key that belongs to no worker";
      return "";
    }
    known = known || header->second.rfind(key_id(key) + ":", 0) == 0;
  }
  return known ? "its signature does not fit: it was altered, or signed for another queue"
               : "it is signed with a key that is not in broker.message_key_file";
}

void SignedTransport::refuse(const Delivery& delivery, const std::string& why) {
  log_error("a message is refused: " + why,
            {{"queue", delivery.queue}, {"message_id", delivery.message.message_id}});
  if (delivery.queue == kComputeQueue) {
    // As it came, so that its signature vouches for it no more than before.
    Message kept = delivery.message;
    drop_headers_beyond_limit(kept);
    kept.headers[kReasonHeader] = "refused: " + why;
    try {
      inner_->publish(kResultExchange, kDeadLetterQueue, std::move(kept)).get();
    } catch (const UnroutableError&) {
      log_warning(std::string("it is lost: there is no queue ") + kDeadLetterQueue);
    }
  }
  inner_->ack(delivery.tag);
}

}  // namespace

const char* const kSignatureHeader = "x-tilecompile-signature";

std::vector<std::string> read_message_keys(const std::string& file) {
  const auto refuse = [&](const std::string& why) {
    return UsageError(
        "cannot take the keys of messages from broker.message_key_file '" + file + "': " + why +
        "; it must hold one to four keys of at least 16 characters, one a line, made for example with: "
        "openssl rand -hex 32");
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) throw refuse("it is a folder");
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw refuse(std::strerror(errno));
  std::vector<std::string> keys;
  std::size_t shared = 0;
  for (std::string line; std::getline(stream, line);) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.pop_back();
    if (line.empty()) continue;
    const OwnedKey key(line);
    if (!key.owner.empty() && !is_worker_id(key.owner))
      throw refuse("line " + std::to_string(keys.size() + 1) + " names a worker by no worker_id");
    if (key.key.size() < kLeastKeyBytes)
      throw refuse("line " + std::to_string(keys.size() + 1) + " is shorter than 16 characters");
    keys.push_back(line);
    if (key.owner.empty() && ++shared > kMostKeys)
      throw refuse("it holds more than four keys that belong to no worker");
  }
  if (keys.empty()) throw refuse("it holds no key");
  return keys;
}

std::string message_signature(const std::string& key, const std::string& queue, const Message& message) {
  std::string all = "tilecompile message 1\n";
  add_part(all, queue.rfind(kRetryQueuePrefix, 0) == 0 ? kComputeQueue : queue);
  for (const std::string* part :
       {&message.message_id, &message.correlation_id, &message.reply_to, &message.content_type})
    add_part(all, *part);
  for (const auto& [name, value] : message.headers) {  // in the order of their names
    if (name.rfind(kOwnHeaders, 0) != 0 || name == kSignatureHeader) continue;
    add_part(all, name);
    add_part(all, value);
  }
  add_part(all, message.body);
  return key_id(key) + ":" + hmac_sha256_hex(key, all);
}

std::unique_ptr<Transport> sign_messages(std::unique_ptr<Transport> inner, std::vector<std::string> keys) {
  return std::make_unique<SignedTransport>(std::move(inner), std::move(keys));
}

}  // namespace tilecompile
