#include "tilecompile/report/run_record.hpp"

#include <nlohmann/json.hpp>

namespace tilecompile {
namespace {

using nlohmann::json;

json encode_quality(const std::vector<ProductQuality>& channels) {
  json list = json::array();
  for (const ProductQuality& q : channels)
    list.push_back(
        {{"star_count", q.star_count},
         {"fwhm_px", q.fwhm_px},
         {"fwhm_p90_px", q.fwhm_p90_px},
         {"plain_fwhm_px", q.plain_fwhm_px},
         {"fwhm_change_percent", q.fwhm_change_percent},
         {"fwhm_change_uncertainty_percent", q.fwhm_change_uncertainty_percent},
         {"flux_star_count", q.flux_star_count},
         {"flux_ratio", q.flux_ratio},
         {"flux_scatter_percent", q.flux_scatter_percent},
         {"sky_cell_count", q.sky_cell_count},
         {"background_rms", q.background_rms},
         {"equal_flux_rms", q.equal_flux_rms},
         {"plain_rms", q.plain_rms},
         {"background_rms_change_percent", q.background_rms_change_percent},
         {"background_rms_change_uncertainty_percent", q.background_rms_change_uncertainty_percent}});
  return list;
}

json encode_patterns(const std::vector<TilePattern>& channels) {
  json list = json::array();
  for (const TilePattern& p : channels)
    list.push_back({{"amplitude", p.amplitude},
                    {"significance", p.significance},
                    {"limit", p.limit},
                    {"detected", p.detected}});
  return list;
}

json encode_verdict(const std::vector<VerdictCheck>& checks) {
  json list = json::array();
  for (const VerdictCheck& c : checks)
    list.push_back({{"name", c.name},
                    {"channel", c.channel == kAllChannels ? json() : json(c.channel)},
                    {"value", c.value},
                    {"uncertainty", c.uncertainty},
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

json encode_workers(const std::vector<WorkerRecord>& workers) {
  json list = json::array();
  for (const WorkerRecord& w : workers) {
    list.push_back({{"worker_id", w.worker_id},
                    {"tiles", w.tiles},
                    {"failures", w.failures},
                    {"handed_back", w.handed_back},
                    {"rejected", w.rejected},
                    {"bytes_read", w.bytes_read}});
    if (w.last_failure.empty()) continue;
    list.back()["last_failure"] = w.last_failure;
    list.back()["last_failure_time"] = w.last_failure_time;
  }
  return list;
}

}  // namespace

std::string channel_name(int channel, int channels) {
  if (channels == 1 || channel == kAllChannels) return "";
  if (channels == 3) return std::string(1, "RGB"[channel]);
  return std::to_string(channel);
}

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
      {"profile", {{"name", r.profile}, {"why", r.profile_why}}},
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
      {"workers", encode_workers(r.workers)},
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
