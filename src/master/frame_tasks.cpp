#include "frame_tasks.hpp"

#include <algorithm>
#include <thread>

#include "reconstruct.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/dispatch/journal.hpp"
#include "tilecompile/night/frame_sums.hpp"
#include "tilecompile/night/storage_keys.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/protocol/worker_note.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kOwnWorkersCome = 30s;  // those that were started with the master
constexpr auto kNotesCome = 2s;        // of workers that have just begun to take tasks

// Workers of older versions and of others may know tasks of tiles only.
std::ptrdiff_t workers_that_know_frames(Transport& transport) {
  const auto notes = latest_worker_notes(transport);
  return std::count_if(notes.begin(), notes.end(),
                       [](const auto& n) { return n.second.fit && n.second.frames; });
}

}  // namespace

FrameTasks::FrameTasks(RunUnderWay& run, const NightFrames& frames, const FrameSource& source)
    : run_(run), source_(source), wanted_(run.links.own != nullptr && run.config.parallel.frame_tasks) {
  if (!wanted_) return;
  round_ = round_of(run, calibrates(run.config));
  round_.task_template.frames_manifest_id = sha256_hex(frames.manifest_json);
  round_.task_template.last_frame = static_cast<int>(frames.manifest->frames.size()) - 1;
  round_.threads = run.threads;
  bring_frames_in(run, source);
  ObjectStore& store = *run.links.store;
  store.put(frames_config_key(round_.task_template), canonical_method_json(run.config.method));
  store.put(frames_manifest_key(round_.task_template), frames.manifest_json);
  if (!frames.registration_json.empty())
    store.put(registration_key(run.request.run_id), frames.registration_json);
  sums_ = share_frame_sums(run, frames);
  if (run.request.resume && run.pieces.known.empty())
    run.pieces.known = read_frames_journal(run.directory->path() / kFramesJournal, run.request.run_id);
}

std::unique_ptr<FramePasses> FrameTasks::passes(Observer& observer) {
  const MethodConfig& method = run_.config.method;
  if (!wanted_ || !workers_take_tasks())
    return std::make_unique<LocalPasses>(source_, method, run_.threads, observer);
  return std::make_unique<FrameRounds>(
      FrameRoundsJob{round_, round_place(run_), source_, method, run_.pieces, observer, sums_});
}

// Nobody is waited for, but for workers that were started with the master: it can do this work itself. So it
// does where one of those who take tasks says nothing of frames, as a worker written by others.
bool FrameTasks::workers_take_tasks() {
  if (!run_.workers.older().empty()) return false;
  const auto until = RunUnderWay::Clock::now() + kOwnWorkersCome;
  const auto notes_until = RunUnderWay::Clock::now() + kNotesCome;
  for (;;) {
    const auto queue = run_.links.transport->inspect(kComputeQueue);
    const auto consumers = queue ? static_cast<std::ptrdiff_t>(queue->consumers) : 0;
    if (consumers > 0 && workers_that_know_frames(*run_.links.transport) >= consumers) return true;
    const bool on_their_way = run_.links.starts_workers && run_.workers.workers().empty();
    const auto now = RunUnderWay::Clock::now();
    if (consumers > 0 ? now > notes_until : !on_their_way || now > until) break;
    run_.check_stop();
    run_.links.workers->watch();
    std::this_thread::sleep_for(50ms);
  }
  log_info(
      "not all who take tasks say that they know those of frames, or nobody does: the master looks at the "
      "frames itself");
  return false;
}

std::unique_ptr<FramePasses> calibration_passes(RunUnderWay& run, const FrameSource& source,
                                                const std::string& place, Observer& observer) {
  if (place.empty() || !run.workers.calibrate() || source.band_samples().packed)
    return std::make_unique<LocalPasses>(source, run.config.method, run.threads, observer);
  NightFrames frames{{}, std::make_shared<Manifest>(source.manifest()), encode_manifest(source.manifest())};
  FrameTasks tasks(run, frames, source);
  if (run.config.storage.upload_frames) run.clock.start("calibration");  // bringing them in is another phase
  std::unique_ptr<FramePasses> passes = tasks.passes(observer);
  if (run.links.starts_workers && !passes->by_others())
    run.workers.cannot_calibrate();  // they are not waited for once more
  return passes;
}

ObjectReference share_frame_sums(const RunUnderWay& run, const NightFrames& frames) {
  const std::string bytes = encode_frame_sums(*frames.manifest, *run.links.verified);
  if (bytes.empty()) return {};
  const std::string digest = sha256_hex(bytes), key = frame_sums_key(run.request.run_id, digest);
  if (!run.links.store->exists(key)) run.links.store->put(key, bytes);
  return {key, digest};
}

bool analysis_in_doubt(RunUnderWay& run) {
  if (!run.pieces.forget_distrusted(run.trust)) return false;
  run.workers.forget_failures();
  if (run.pieces.forgot_stars) {
    log_warning(
        "frames were registered by masters or stars of a worker that gave wrong results: they are "
        "registered again");
    run.directory->append_event("frames_registered_again");
    throw RegistrationInDoubt();
  }
  log_warning("frames were judged by what a worker found that gave wrong results: they are analysed again");
  run.directory->append_event("frames_analysed_again");
  return true;
}

}  // namespace tilecompile
