#include "hash_frames.hpp"

#include <algorithm>

#include "frame_tasks.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/dispatch/distrust.hpp"
#include "tilecompile/dispatch/own_tiles.hpp"
#include "tilecompile/night/doubtful_files.hpp"

namespace tilecompile {
namespace {

// By the file here. One that cannot be read, or is another one by now, tells nothing of the worker.
void judge(RunUnderWay& run, const std::string& path, const GivenHash& given) {
  if (run.trust.is_distrusted(given.worker_id)) return;
  run.check_stop();
  try {
    run.links.verified->check_unchanged(given.file);
    FileSums sums;
    if (sha256_file(given.file, sums) == given.content.sha256 && sums == given.content.sums) return;
  } catch (const Error&) {
    return;
  }
  const std::string why = "frame " + path +
                          " is another file there than here, or it was hashed wrongly; where that host has "
                          "frames of its own, copy them again";
  if (run.trust.distrust(given.worker_id, why)) note_distrusted(*run.directory, given.worker_id, why);
}

std::map<std::string, GivenHash> given_hashes(const RunUnderWay& run, const NightFrames& frames,
                                              const HashedFiles& hashed) {
  std::map<std::string, GivenHash> given;
  for (const auto& [key, piece] : run.pieces.used) {
    if (!piece.part || piece.part->work != TaskWork::kHash || piece.worker_id == kMasterName) continue;
    const auto f = static_cast<std::size_t>(piece.tile_id);
    const std::string& path = frames.manifest->frames[f].path;
    given[path] = {frames.origin.folder / path, hashed.contents[f], piece.worker_id};
  }
  return given;
}

// False when a worker was wrong and it has to be done once more.
bool hash_by_tasks(RunUnderWay& run, NightFrames& frames) {
  const FrameSource source = source_of(run, frames);
  FrameTasks tasks(run, frames, source);
  const std::vector<ManifestEntry>& all = frames.manifest->frames;
  PhaseProgress progress(run, "hashing frames", "frames", all.size());
  HashedFiles hashed = tasks.passes(progress)->hash_files();
  run.hashes = given_hashes(run, frames, hashed);
  for (const std::size_t f : doubtful_files(frames.origin.folder, *frames.manifest, hashed.contents,
                                            *run.links.verified, run.threads, progress))
    if (const auto given = run.hashes.find(all[f].path); given != run.hashes.end())
      judge(run, given->first, given->second);
  if (analysis_in_doubt(run)) return false;
  auto known = std::make_shared<Manifest>(*frames.manifest);
  std::vector<BadFrame> bad;
  for (std::size_t f = 0; f < all.size(); ++f) {
    if (!hashed.problems[f].empty()) bad.push_back({all[f].path, hashed.problems[f]});
    if (!hashed.problems[f].empty() || !all[f].sha256.empty()) continue;  // the scan has hashed some itself
    known->frames[f].sha256 = hashed.contents[f].sha256;
    run.links.verified->learn(hashed.contents[f].sha256, std::move(hashed.contents[f].sums));
  }
  if (!bad.empty() && run.config.input.on_bad_frame == OnBadFrame::kError)
    add_other_bad_frames(run, frames, bad);
  frames.manifest = std::move(known);
  set_aside(run, frames, bad);
  if (!bad.empty()) check_hard_assumptions(*frames.manifest, run.config.method.data);
  note_manifest(run, frames);
  return true;
}

}  // namespace

void hash_frames(RunUnderWay& run, NightFrames& frames) {
  const auto& all = frames.manifest->frames;
  if (std::none_of(all.begin(), all.end(), [](const auto& f) { return f.sha256.empty(); })) return;
  run.clock.start("scan");
  while (!hash_by_tasks(run, frames)) {
  }
}

bool hashes_in_doubt(RunUnderWay& run, const std::string& error) {
  for (const auto& [path, given] : run.hashes)
    if (error.find(path) != std::string::npos) judge(run, path, given);
  return analysis_in_doubt(run);
}

}  // namespace tilecompile
