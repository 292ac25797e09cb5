#include "tilecompile/report/run_record.hpp"

#include <nlohmann/json.hpp>

namespace tilecompile {
namespace {

using nlohmann::json;

json encode_quality(const std::vector<ProductQuality>& channels) {
  json list = json::array();
  for (const ProductQuality& q : channels)
    list.push_back({{"star_count", q.star_count},
                    {"fwhm_px", q.fwhm_px},
                    {"fwhm_p90_px", q.fwhm_p90_px},
                    {"fwhm_change_percent", q.fwhm_change_percent},
                    {"background_rms", q.background_rms},
                    {"flux_ratio", q.flux_ratio},
                    {"background_rms_change_percent", q.background_rms_change_percent},
                    {"flux_scatter_percent", q.flux_scatter_percent}});
  return list;
}

json encode_patterns(const std::vector<TilePattern>& channels) {
  json list = json::array();
  for (const TilePattern& p : channels)
    list.push_back({{"amplitude", p.amplitude}, {"significance", p.significance}, {"detected", p.detected}});
  return list;
}

json encode_verdict(const std::vector<VerdictCheck>& checks) {
  json list = json::array();
  for (const VerdictCheck& c : checks)
    list.push_back({{"name", c.name},
                    {"channel", c.channel},
                    {"value", c.value},
                    {"threshold", c.threshold},
                    {"passed", c.passed},
                    {"text", c.text}});
  return list;
}

json encode_checks(const std::vector<NamedCheck>& checks) {
  json list = json::array();
  for (const NamedCheck& c : checks)
    list.push_back({{"name", c.name}, {"phase", c.phase}, {"passed", c.passed}, {"text", c.text}});
  return list;
}

json encode_bad_frames(const std::vector<BadFrame>& frames) {
  json list = json::array();
  for (const BadFrame& f : frames) list.push_back({{"path", f.path}, {"reason", f.reason}});
  return list;
}

json encode_products(const std::vector<ProductRecord>& products) {
  json object = json::object();
  for (const ProductRecord& p : products) {
    object[p.name] = {{"file", p.file}, {"digest", p.digest}};
    if (!p.pattern.empty()) object[p.name]["tile_pattern"] = encode_patterns(p.pattern);
    if (!p.common_area.empty()) object[p.name]["quality_common_area"] = encode_quality(p.common_area);
    if (!p.covered_area.empty()) object[p.name]["quality_covered_area"] = encode_quality(p.covered_area);
  }
  return object;
}

// A part that came as JSON text; null when the run did not get that far.
json value_of(const std::string& text) { return text.empty() ? json() : json::parse(text); }

}  // namespace

std::string encode_run_record(const RunRecord& r) {
  json phases = json::array();
  for (const PhaseCost& p : r.phases)
    phases.push_back({{"name", p.name}, {"seconds", p.seconds}, {"cpu_seconds", p.cpu_seconds}});
  json j{
      {"schema", 1},
      {"status", r.status},
      {"run_id", r.run_id},
      {"mode", r.mode},
      {"program_version", r.program_version},
      {"numerics_version", r.numerics_version},
      {"config_hash", r.config_hash},
      {"frames_manifest_id", r.frames_manifest_id},
      {"started", r.started},
      {"finished", r.finished},
      {"configuration", value_of(r.configuration)},
      {"frames", {{"count", r.frames}, {"width", r.width}, {"height", r.height}, {"channels", r.channels}}},
      {"quarantined_frames", encode_bad_frames(r.quarantined)},
      {"left_out_frames", encode_bad_frames(r.left_out)},
      {"seeing_px", r.seeing_px},
      {"reference_stars", r.reference_stars},
      {"tiles",
       {{"count", r.tiles},
        {"size_px", r.tile_size_px},
        {"star", r.star_tiles},
        {"with_fallback", r.tiles_with_fallback},
        {"failed", r.failed_tiles},
        {"resumed", r.resumed_tiles}}},
      {"phases", phases},
      {"worker_compute_seconds", r.worker_compute_seconds},
      {"bytes_read", r.bytes_read},
      {"peak_memory_bytes", r.peak_memory_bytes},
      {"products", encode_products(r.products)},
      {"cluster_sizes", r.cluster_sizes},
      {"usable_signal_tiles_percent", r.usable_signal_tiles_percent},
      {"checks", encode_checks(r.checks)},
      {"verdict", encode_verdict(r.verdict)},
      {"warnings", r.warnings}};
  if (!r.rejection.empty()) j["rejection"] = value_of(r.rejection);
  if (!r.diagnostics.empty()) j["diagnostics"] = value_of(r.diagnostics);
  if (!r.audit.empty()) j["audit"] = value_of(r.audit);
  if (!r.error_text.empty()) j["error"] = {{"kind", r.error_kind}, {"text", r.error_text}};
  return j.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace tilecompile
