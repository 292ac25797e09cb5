#include "master_run.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/run/frame_scan.hpp"

namespace tilecompile {

FrameSource MasterRun::frame_source() const {
  return {frames_, manifest_, config_.method.data.zero_is_nodata, links_.verified};
}

// The run ends anyway: a look at the pixels of the other frames lets the user learn of all bad ones at once.
void MasterRun::add_frames_of_bad_pixels(std::vector<BadFrame>& bad) const {
  if (manifest_->frames.empty()) return;
  const Analysis analysis =
      analyse_frames(frame_source(), config_.method, threads_, [this](int) { check_stop(); });
  bad.insert(bad.end(), analysis.bad_frames.begin(), analysis.bad_frames.end());
}

void MasterRun::set_aside(const std::vector<BadFrame>& bad) {
  if (bad.empty()) return;
  Manifest good = without(*manifest_, bad);
  if (config_.input.on_bad_frame == OnBadFrame::kError) refuse_frames(bad, good.frames.size() + bad.size());
  for (const BadFrame& frame : bad) {
    log_warning("frame quarantined", {{"frame", frame.path}, {"reason", frame.reason}});
    if (directory_) note_quarantined(frame);
    record_.quarantined.push_back(frame);
  }
  manifest_ = std::make_shared<Manifest>(std::move(good));
  set_aside(odd_frames(*manifest_, config_.method.data));  // the median of the exposures can have moved
}

void MasterRun::note_quarantined(const BadFrame& frame) {
  directory_->append_event("frame_quarantined", {{"frame", frame.path}, {"reason", frame.reason}});
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
