#include "night_frames.hpp"

#include <algorithm>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/run_limits.hpp"

namespace tilecompile {
namespace {

// By the first look of a run of one process, or by workers. A resumed master has to know at once whether the
// frames are those that it began with; it hashes them itself, and so does one that brings them in.
bool hashes_late(const RunUnderWay& run) {
  if (calibrates(run.config)) return false;
  if (run.links.mode == RunMode::kRun) return true;
  return run.links.own != nullptr && run.config.parallel.frame_tasks && !run.config.storage.upload_frames &&
         !run.request.resume;
}

}  // namespace

FrameSource source_of(const RunUnderWay& run, const NightFrames& frames) {
  return {frames.origin, frames.manifest, run.config.method.data.zero_is_nodata, run.links.verified,
          frames.raw};
}

void note_saturation(RunUnderWay& run, const FrameFacts& facts) {
  constexpr double kSaturatedShare = 0.95;  // of the largest code (`data.saturation`)
  DataParams& data = run.config.method.data;
  if (data.saturation == 0 && facts.largest_code > 0) data.saturation = kSaturatedShare * facts.largest_code;
}

FrameFile header_file(const RunUnderWay& run, const NightFrames& frames) {
  if (!frames.reference) return source_of(run, frames).file(0);
  return FrameSource(frames.origin, frames.reference, ZeroIsNodata::kNever, run.links.verified).file(0);
}

void read_no_more_frames(const RunUnderWay& run) {
  if (run.links.frames.kept) run.links.frames.kept->close();
  run.links.workers->rest();
  if (run.links.own != nullptr) run.links.own->rest();
}

bool frames_are_known_late(const RunUnderWay& run) {
  return run.config.input.on_bad_frame != OnBadFrame::kError || hashes_late(run);
}

ProofJob proof_job(RunUnderWay& run, const FrameSource& source) {
  return {source,      run.config.method,
          run.threads, memory_limit_bytes(run.config.parallel),
          run,         run.config.input.prove_frames};
}

// The run ends anyway: a look at the other frames lets the user learn of all bad ones at once.
void add_other_bad_frames(RunUnderWay& run, const NightFrames& frames, std::vector<BadFrame>& bad) {
  NightFrames rest = frames;
  for (;;) {
    rest.manifest = std::make_shared<Manifest>(without(*rest.manifest, bad));
    if (rest.manifest->frames.empty()) return;
    const FrameSource source = source_of(run, rest);
    Analysis analysis = analyse_frames(source, run.config.method, run.threads, run);
    std::vector<BadFrame> found = std::move(analysis.bad_frames);
    const bool readable = found.empty();
    if (readable) {
      const ProofJob proof = proof_job(run, source);
      const ProofList stars = find_proof_stars(proof, analysis);
      analysis.proofs = prove_frames(proof, analysis, stars);
      found = judge_proofs(proof, analysis, stars).bad;
    }
    bad.insert(bad.end(), found.begin(), found.end());
    if (readable) return;
  }
}

void set_aside(RunUnderWay& run, NightFrames& frames, const std::vector<BadFrame>& bad) {
  if (bad.empty()) return;
  const InputConfig& input = run.config.input;
  Manifest good = without(*frames.manifest, bad);
  if (input.on_bad_frame == OnBadFrame::kError) refuse_frames(bad, good.frames.size() + bad.size());
  std::vector<BadFrame> all_bad = run.record.quarantined;
  all_bad.insert(all_bad.end(), bad.begin(), bad.end());
  check_bad_share(all_bad, good.frames.size() + all_bad.size(), input.max_bad_share);
  for (const BadFrame& frame : bad) {
    log_warning("frame quarantined", {{"frame", frame.path}, {"reason", frame.reason}});
    if (run.directory) note_frame(run, "frame_quarantined", frame);
    run.record.quarantined.push_back(frame);
  }
  frames.manifest = std::make_shared<Manifest>(std::move(good));
  // The median of the exposures can have moved.
  set_aside(run, frames, odd_frames(*frames.manifest, run.config.method.data));
}

void know_frames(RunUnderWay& run, NightFrames& frames) {
  if (!hashes_late(run)) return;
  auto known = std::make_shared<Manifest>(*frames.manifest);
  fill_in_hashes(frames.origin, *known, *run.links.verified);
  frames.manifest = std::move(known);
  note_manifest(run, frames);
}

void scan_files(RunUnderWay& run, NightFrames& frames, const std::vector<std::string>& paths, bool raw) {
  run.clock.start(raw ? "scan raw frames" : "scan");
  PhaseProgress progress(run, raw ? "reading raw frames" : "reading headers", "frames", paths.size());
  ScannedFrames found =
      scan_frames(frames.origin, paths, run.threads,
                  {run.config.method.data, raw, run.config.input.count_duplicates, hashes_late(run)},
                  run.links.verified, progress);
  constexpr std::size_t kShown = 20;  // a folder can hold thousands of tiles
  for (const BadFrame& frame : found.left_out) {
    if (run.record.left_out.size() < kShown)
      log_warning("left out", {{"frame", frame.path}, {"reason", frame.reason}});
    if (run.directory) note_frame(run, "frame_left_out", frame);
    run.record.left_out.push_back(frame);
  }
  if (run.record.left_out.size() > kShown)
    log_warning("more files are left out; run.json names all",
                {{"files", std::to_string(run.record.left_out.size())}});
  for (const std::string& text : found.warnings) warn(run, text);
  frames.manifest = std::make_shared<Manifest>(std::move(found.manifest));
  if (run.config.input.on_bad_frame == OnBadFrame::kError && !found.bad.empty() && !raw)
    add_other_bad_frames(run, frames, found.bad);
  set_aside(run, frames, found.bad);
}

void note_manifest(RunUnderWay& run, NightFrames& frames) {
  RunRecord& record = run.record;
  frames.manifest_json = encode_manifest(*frames.manifest);
  const std::vector<ManifestEntry>& all = frames.manifest->frames;
  const bool known = std::none_of(all.begin(), all.end(), [](const auto& f) { return f.sha256.empty(); });
  record.frames_manifest_id = known ? sha256_hex(frames.manifest_json) : "";
  record.frames = static_cast<int>(frames.manifest->frames.size());
  record.width = frames.manifest->width();
  record.height = frames.manifest->height();
  record.channels = frames.manifest->channels();
}

}  // namespace tilecompile
