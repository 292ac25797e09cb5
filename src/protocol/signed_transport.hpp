#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

extern const char* const kSignatureHeader;

/// Lines of broker.message_key_file: keys of at least 16 characters, one to four that all parties share, and
/// any number of the form `KEY = WORKER`, which the worker of that worker_id alone has beside the master.
/// Throws UsageError that names the file and never a key.
std::vector<std::string> read_message_keys(const std::string& file);

/// Signature of a message for the queue it is meant for: key id and HMAC-SHA256 over queue, message_id,
/// correlation_id, reply_to, content_type, our own headers (x-tilecompile-*) and body. A rung of the back-off
/// ladder counts as tile.compute, where its messages end.
std::string message_signature(const std::string& key, const std::string& queue, const Message& message);

/// Puts a signature by the first key on everything that is published through `inner`, and lets through only
/// what carries one by any of `keys`, which are lines as read_message_keys gives them. A delivery that is
/// signed with a worker's own key says so (Delivery::sender); where there are such keys, a signature by a
/// shared one is good for tasks alone. A task that does not is moved to tile.dlq with the reason; any other
/// message is logged and dropped. Dead letters are for people to look at and pass unchecked.
std::unique_ptr<Transport> sign_messages(std::unique_ptr<Transport> inner, std::vector<std::string> keys);

}  // namespace tilecompile
