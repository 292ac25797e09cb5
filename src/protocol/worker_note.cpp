#include "tilecompile/protocol/worker_note.hpp"

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/strict_json.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
constexpr int kMostSeconds = 86400;
constexpr std::size_t kTextBytes = 4096;
constexpr int kMostNotesRead = 512;
constexpr auto kNotesComeWithin = 500ms;
constexpr int kMostLooksAtNotes = 100, kBareLooksAtNotes = 5;

}  // namespace

std::string encode_worker_note(const WorkerNote& n) {
  return json({{"schema", 1},
               {"worker_id", n.worker_id},
               {"host", n.host},
               {"time", n.time},
               {"fit", n.fit},
               {"text", n.text.substr(0, kTextBytes)},
               {"again_in_s", n.again_in_s},
               {"frames", n.frames}})
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

WorkerNote decode_worker_note(std::string_view bytes) {
  const json parsed = StrictObject::parse(bytes, "note of a worker");
  StrictObject o(parsed, "note of a worker");
  WorkerNote n;
  o.integer("schema", 1, 1);
  n.worker_id = o.text("worker_id");
  n.host = o.text("host");
  n.time = o.text("time");
  n.fit = o.boolean("fit");
  n.text = o.text("text");
  n.again_in_s = static_cast<int>(o.integer("again_in_s", 0, kMostSeconds));
  if (o.has("frames")) n.frames = o.boolean("frames");  // older versions do not say
  o.done();
  return n;
}

void leave_note(Transport& transport, WorkerNote note) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  note.host = host;
  note.time = utc_now();
  note.frames = true;
  Message message;
  message.body = encode_worker_note(note);
  try {
    transport.publish(kResultExchange, kWorkersQueue, std::move(message));
  } catch (const Error& e) {
    log_debug(std::string("a note of this worker is lost: ") + e.what());
  }
}

std::vector<std::string> notes_on(Transport& transport, const std::string& queue) {
  std::vector<std::string> bodies;
  auto state = transport.inspect(queue);
  // A master that reads notes of workers holds them for a second, on a busy machine for longer; and as it
  // gives them back, there is neither a consumer nor a note for a moment.
  int bare = 0;
  for (int look = 0; look < kMostLooksAtNotes && bare < kBareLooksAtNotes && state && state->messages == 0;
       ++look) {
    std::this_thread::sleep_for(50ms);
    state = transport.inspect(queue);
    bare = state && state->consumers > 0 ? 0 : bare + 1;
  }
  if (!state || state->messages == 0) return bodies;
  transport.consume(queue, kMostNotesRead);
  std::vector<DeliveryTag> held;
  while (bodies.size() < state->messages) {
    const auto delivery = transport.receive(kNotesComeWithin);
    if (!delivery) break;
    held.push_back(delivery->tag);  // what is none of the notes goes back too
    if (delivery->queue == queue) bodies.push_back(delivery->message.body);
  }
  transport.cancel(queue);
  for (const DeliveryTag& tag : held) transport.reject(tag, true);
  return bodies;
}

std::map<std::string, WorkerNote> latest_worker_notes(Transport& transport) {
  std::map<std::string, WorkerNote> latest;
  std::vector<std::string> bodies;
  try {
    bodies = notes_on(transport, kWorkersQueue);
  } catch (const UsageError& e) {
    log_debug(std::string("notes of workers are not read: ") + e.what());
  }
  for (const std::string& body : bodies) {
    try {
      WorkerNote note = decode_worker_note(body);
      WorkerNote& known = latest[note.worker_id];
      if (known.time <= note.time) known = std::move(note);
    } catch (const InputError& e) {
      log_debug(std::string("a note that cannot be read is left alone: ") + e.what());
    }
  }
  return latest;
}

}  // namespace tilecompile
