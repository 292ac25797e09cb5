#include "tilecompile/operate/broker_status.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/operate/setup.hpp"
#include "tilecompile/protocol/broker_link.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/protocol/worker_note.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;

constexpr double kRecent_s = 60;  // a worker whose last tile is older works on nothing

bool is_text(const json& j) { return j.is_string(); }
bool is_number(const json& j) { return j.is_number(); }
bool is_count(const json& j) {
  return j.is_number_integer() && j >= 0 && j <= std::numeric_limits<int>::max();
}
bool is_pace(const json& j) {
  return j.is_object() && (!j.contains("last_seen_s") || is_number(j["last_seen_s"]));
}

using Form = bool (*)(const json&);

bool has(const json& object, const char* key, Form form) { return object.contains(key) && form(object[key]); }
bool has_if_any(const json& object, const char* key, Form form) {
  return !object.contains(key) || form(object[key]);
}
bool all_are(const json& object, const char* key, Form form) {
  if (!object.contains(key)) return true;
  return object[key].is_object() && std::all_of(object[key].begin(), object[key].end(), form);
}

// All that is shown of a run, and used of it.
bool is_status(const json& s) {
  if (!s.is_object() || !has(s, "run_id", is_text) || !is_uuid(s["run_id"].get<std::string>())) return false;
  if (!s.contains("tiles") || !s["tiles"].is_object()) return false;
  for (const char* count : {"count", "done", "failed"})
    if (!has(s["tiles"], count, is_count)) return false;
  return has(s, "phase", is_text) && has_if_any(s, "state", is_text) && has_if_any(s, "eta_s", is_number) &&
         all_are(s, "workers", is_count) && all_are(s, "paces", is_pace);
}

// Does `look`; a user without the rights for it sees less.
template <class Look>
void if_allowed(const Look& look) {
  try {
    look();
  } catch (const AccessRefused& refused) {
    log_debug(std::string("not shown: ") + refused.what());
  }
}

void look_at_runs(Transport& transport, std::map<std::string, json>& runs) {
  for (const std::string& body : notes_on(transport, kRunsQueue)) {
    const json note = decode_run_note(body);
    if (note.is_null()) {
      log_debug("a note on a run that cannot be read is left alone");
      continue;
    }
    json& latest = runs[note["status"]["run_id"].get<std::string>()];
    if (latest.is_null() || latest["unix_s"] < note["unix_s"]) latest = note;
  }
}

void look_at_workers(Transport& transport, std::map<std::string, SeenWorker>& workers) {
  for (const auto& [id, note] : latest_worker_notes(transport)) {
    SeenWorker& worker = workers[id];
    worker.host = note.host;
    worker.fit = note.fit;
    worker.text = note.text;
    worker.said_s_ago = std::max(0.0, unix_now() - unix_seconds(note.time));
  }
}

void note_work(const json& status, double unix_s, std::map<std::string, SeenWorker>& workers) {
  const json workers_of_run = status.value("workers", json::object()),
             paces = status.value("paces", json::object());
  for (const auto& [id, tiles] : workers_of_run.items()) {
    const double seen_s = paces.value(id, json::object()).value("last_seen_s", 0.0);
    const double ago_s = std::max(0.0, unix_s - seen_s);
    SeenWorker& worker = workers[id];
    if (ago_s > kRecent_s || (worker.tile_s_ago >= 0 && worker.tile_s_ago <= ago_s)) continue;
    worker.run_id = status.value("run_id", "");
    worker.tiles = tiles.get<int>();
    worker.tile_s_ago = ago_s;
  }
}

}  // namespace

std::string encode_run_note(const json& status) {
  return json{{"schema", 1}, {"unix_s", unix_now()}, {"status", status}}.dump(-1, ' ', false,
                                                                              json::error_handler_t::replace);
}

json decode_run_note(const std::string& body) {
  json note = json::parse(body, nullptr, false);
  const bool good = note.is_object() && has(note, "unix_s", is_number) && note.contains("status") &&
                    is_status(note["status"]);
  return good ? note : json();
}

BrokerStatus look_at_broker(const RunConfig& config) {
  BrokerConfig broker = config.broker;
  broker.message_key_file.clear();  // only looked at, and put back as it came
  const auto transport = connect_broker(broker, "tilecompile status");
  BrokerStatus status;
  std::map<std::string, json> runs;
  if_allowed([&] { look_at_runs(*transport, runs); });
  std::vector<std::string> names;
  for (const QueueSpec& queue : lasting_queues(config)) names.push_back(queue.name);
  for (const auto& [id, note] : runs) names.push_back(results_queue(id, config.parallel.isolation));
  for (const std::string& name : names)
    if_allowed([&] {
      if (const auto state = transport->inspect(name)) status.queues[name] = *state;
    });
  if_allowed([&] { look_at_workers(*transport, status.workers); });
  for (const auto& [id, note] : runs) {
    note_work(note["status"], note.value("unix_s", 0.0), status.workers);
    status.runs.push_back(note["status"].dump());
  }
  transport->close();
  return status;
}

json broker_status_json(const BrokerStatus& status) {
  json j{{"runs", json::array()}, {"queues", json::object()}, {"workers", json::object()}};
  for (const std::string& run : status.runs) j["runs"].push_back(json::parse(run));
  for (const auto& [name, state] : status.queues)
    j["queues"][name] = {{"messages", state.messages}, {"consumers", state.consumers}};
  for (const auto& [id, w] : status.workers) {
    json worker{{"fit", w.fit}};
    if (!w.host.empty()) worker["host"] = w.host;
    if (!w.text.empty()) worker["text"] = w.text;
    if (w.said_s_ago >= 0) worker["said_s_ago"] = w.said_s_ago;
    if (!w.run_id.empty())
      worker.update({{"run_id", w.run_id}, {"tiles", w.tiles}, {"tile_s_ago", w.tile_s_ago}});
    j["workers"][id] = worker;
  }
  return j;
}

}  // namespace tilecompile
