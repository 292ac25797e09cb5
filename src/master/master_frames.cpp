#include <algorithm>

#include "master_run.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/run_limits.hpp"

namespace tilecompile {

FrameSource MasterRun::frame_source() const {
  return {frames_, manifest_, config_.method.data.zero_is_nodata, links_.verified};
}

// The run ends anyway: a look at the other frames lets the user learn of all bad ones at once.
void MasterRun::add_other_bad_frames(std::vector<BadFrame>& bad) const {
  for (auto rest = std::make_shared<Manifest>(without(*manifest_, bad)); !rest->frames.empty();
       rest = std::make_shared<Manifest>(without(*rest, bad))) {
    const FrameSource source(frames_, rest, config_.method.data.zero_is_nodata, links_.verified);
    Analysis analysis = analyse_frames(source, config_.method, threads_, [this](int) { check_stop(); });
    std::vector<BadFrame> found = std::move(analysis.bad_frames);
    const bool readable = found.empty();
    if (readable) {
      const ProofJob proof = proof_job(source);
      const ProofList stars = find_proof_stars(proof, analysis);
      analysis.proofs = prove_frames(proof, analysis, stars);
      found = judge_proofs(proof, analysis, stars).bad;
    }
    bad.insert(bad.end(), found.begin(), found.end());
    if (readable) return;
  }
}

void MasterRun::set_aside(const std::vector<BadFrame>& bad) {
  if (bad.empty()) return;
  Manifest good = without(*manifest_, bad);
  if (config_.input.on_bad_frame == OnBadFrame::kError) refuse_frames(bad, good.frames.size() + bad.size());
  std::vector<BadFrame> all_bad = record_.quarantined;
  all_bad.insert(all_bad.end(), bad.begin(), bad.end());
  check_bad_share(all_bad, good.frames.size() + all_bad.size(), config_.input.max_bad_share);
  for (const BadFrame& frame : bad) {
    log_warning("frame quarantined", {{"frame", frame.path}, {"reason", frame.reason}});
    if (directory_) note_frame("frame_quarantined", frame);
    record_.quarantined.push_back(frame);
  }
  manifest_ = std::make_shared<Manifest>(std::move(good));
  set_aside(odd_frames(*manifest_, config_.method.data));  // the median of the exposures can have moved
}

void MasterRun::take(ScannedFrames found, bool raw) {
  constexpr std::size_t kShown = 20;  // a folder can hold thousands of tiles
  for (const BadFrame& frame : found.left_out) {
    if (record_.left_out.size() < kShown)
      log_warning("left out", {{"frame", frame.path}, {"reason", frame.reason}});
    if (directory_) note_frame("frame_left_out", frame);
    record_.left_out.push_back(frame);
  }
  if (record_.left_out.size() > kShown)
    log_warning("more files are left out; run.json names all",
                {{"files", std::to_string(record_.left_out.size())}});
  for (const std::string& text : found.warnings) warn(text);
  manifest_ = std::make_shared<Manifest>(std::move(found.manifest));
  if (config_.input.on_bad_frame == OnBadFrame::kError && !found.bad.empty() && !raw)
    add_other_bad_frames(found.bad);
  set_aside(found.bad);
}

void MasterRun::warn(const std::string& text) {
  const auto& known = record_.warnings;
  if (std::find(known.begin(), known.end(), text) != known.end()) return;
  log_warning(text);
  record_.warnings.push_back(text);
}

void MasterRun::note_frame(const char* event, const BadFrame& frame) {
  directory_->append_event(event, {{"frame", frame.path}, {"reason", frame.reason}});
}

ProofJob MasterRun::proof_job(const FrameSource& source) const {
  return {source,
          config_.method,
          threads_,
          memory_limit_bytes(config_.parallel),
          [this] { check_stop(); },
          config_.input.prove_frames};
}

bool MasterRun::note_proofs(const ProofVerdict& verdict) {
  for (std::size_t f = 0; f < verdict.proofs.size(); ++f) {
    const FrameProof& p = verdict.proofs[f];
    log_debug("frame proof", {{"frame", manifest_->frames[f].path},
                              {"on_frame", std::to_string(p.on_frame)},
                              {"expected", std::to_string(p.expected)},
                              {"found", std::to_string(p.found)},
                              {"dx", std::to_string(p.dx)},
                              {"dy", std::to_string(p.dy)},
                              {"phi", std::to_string(p.flux_scale)},
                              {"spread", std::to_string(p.flux_spread)},
                              {"outcome", std::to_string(static_cast<int>(p.outcome))}});
  }
  if (!verdict.groups.empty()) throw InputError(verdict.groups + ":" + listed(verdict.bad));
  if (!verdict.warning.empty()) analysis_.warnings.push_back(verdict.warning);
  set_aside(verdict.bad);
  return verdict.bad.empty();
}

void MasterRun::note_manifest() {
  manifest_json_ = encode_manifest(*manifest_);
  record_.frames_manifest_id = sha256_hex(manifest_json_);
  record_.frames = static_cast<int>(manifest_->frames.size());
  record_.width = manifest_->width();
  record_.height = manifest_->height();
  record_.channels = manifest_->channels();
  const int target = config_.method.data.frames_target;
  if (record_.frames < target)
    log_info("fewer frames than data.frames_target; the result gains with their number",
             {{"frames", std::to_string(record_.frames)}, {"frames_target", std::to_string(target)}});
}

}  // namespace tilecompile
