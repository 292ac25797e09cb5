#include "tilecompile/protocol/probe_messages.hpp"

#include <nlohmann/json.hpp>

#include "tilecompile/base/strict_json.hpp"

namespace tilecompile {
namespace {

using nlohmann::json;
constexpr int kMostSlots = 4096;
constexpr std::size_t kMostFeatures = 1024;

std::vector<ProbeCheck> checks(StrictObject& o) {
  std::vector<ProbeCheck> all;
  const json& list = o.get("checks");
  if (!list.is_array()) o.fail("checks", "is no list");
  for (const json& one : list) {
    StrictObject check(one, "check of a probe answer");
    all.push_back({check.text("name"), check.boolean("ok"), check.text("text")});
    check.done();
  }
  return all;
}

}  // namespace

std::string encode_probe(const ProbeTask& p) {
  return json({{"schema", 1},
               {"task_type", "probe"},
               {"correlation_id", p.correlation_id},
               {"run_id", p.run_id},
               {"numerics_version", p.numerics_version},
               {"frame_path", p.frame_path},
               {"frame_sha256", p.frame_sha256},
               {"object_ref", p.object_ref},
               {"object_checksum", p.object_checksum}})
      .dump();
}

ProbeTask decode_probe(std::string_view bytes) {
  const json parsed = StrictObject::parse(bytes, "probe");
  StrictObject o(parsed, "probe");
  ProbeTask p;
  o.integer("schema", 1, 1);
  if (o.text("task_type") != "probe") o.fail("task_type", "is not probe");
  p.correlation_id = o.uuid("correlation_id");
  p.run_id = o.uuid("run_id");
  p.numerics_version = o.text("numerics_version");
  p.frame_path = o.text("frame_path");
  p.frame_sha256 = o.text("frame_sha256");
  p.object_ref = o.text("object_ref");
  p.object_checksum = o.digest("object_checksum");
  o.done();
  return p;
}

std::string encode_probe_answer(const ProbeAnswer& a) {
  json list = json::array();
  for (const ProbeCheck& c : a.checks) list.push_back({{"name", c.name}, {"ok", c.ok}, {"text", c.text}});
  return json({{"schema", 1},
               {"task_type", "probe"},
               {"correlation_id", a.correlation_id},
               {"run_id", a.run_id},
               {"instance", a.worker.instance},
               {"unix_s", a.unix_s},
               {"worker_id", a.worker.worker_id},
               {"host", a.worker.host},
               {"program_version", a.worker.program_version},
               {"numerics_version", a.worker.numerics_version},
               {"cpu_features", a.worker.cpu_features},
               {"slots", a.worker.slots},
               {"checks", list},
               {"written_ref", a.written_ref},
               {"written_checksum", a.written_checksum}})
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

ProbeAnswer decode_probe_answer(std::string_view bytes) {
  const json parsed = StrictObject::parse(bytes, "probe answer");
  StrictObject o(parsed, "probe answer");
  ProbeAnswer a;
  o.integer("schema", 1, 1);
  if (o.text("task_type") != "probe") o.fail("task_type", "is not probe");
  a.correlation_id = o.uuid("correlation_id");
  a.run_id = o.uuid("run_id");
  a.worker.worker_id = o.text("worker_id");
  a.worker.host = o.text("host");
  a.worker.program_version = o.text("program_version");
  a.worker.numerics_version = o.text("numerics_version");
  a.worker.cpu_features = o.texts("cpu_features", kMostFeatures);
  a.worker.slots = static_cast<int>(o.integer("slots", 0, kMostSlots));
  if (o.has("instance")) a.worker.instance = o.text("instance");
  if (o.has("unix_s")) a.unix_s = o.number("unix_s");
  a.checks = checks(o);
  a.written_ref = o.text("written_ref");
  a.written_checksum = o.text("written_checksum");
  o.done();
  return a;
}

bool is_probe(std::string_view bytes) {
  constexpr std::size_t kMostBytes = 65536;  // a task of many tiles is not parsed just to look
  if (bytes.size() > kMostBytes || bytes.find("\"probe\"") == std::string_view::npos) return false;
  const auto json = nlohmann::json::parse(bytes, nullptr, false);
  return json.is_object() && json.contains("task_type") && json["task_type"] == "probe";
}

std::string WorkerFacts::cpu_text() const {
  std::string text;
  for (const std::string& feature : cpu_features) text += (text.empty() ? "" : " ") + feature;
  return text;
}

}  // namespace tilecompile
