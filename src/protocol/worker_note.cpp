#include "tilecompile/protocol/worker_note.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/strict_json.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr int kMostSeconds = 86400;
constexpr std::size_t kTextBytes = 4096;

}  // namespace

std::string encode_worker_note(const WorkerNote& n) {
  return json({{"schema", 1},
               {"worker_id", n.worker_id},
               {"host", n.host},
               {"time", n.time},
               {"fit", n.fit},
               {"text", n.text.substr(0, kTextBytes)},
               {"again_in_s", n.again_in_s}})
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
  o.done();
  return n;
}

void leave_note(Transport& transport, WorkerNote note) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  note.host = host;
  note.time = utc_now();
  Message message;
  message.body = encode_worker_note(note);
  try {
    transport.publish(kResultExchange, kWorkersQueue, std::move(message));
  } catch (const Error& e) {
    log_debug(std::string("a note of this worker is lost: ") + e.what());
  }
}

}  // namespace tilecompile
