#include "frame_tasks.hpp"

#include "reconstruct.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/dispatch/journal.hpp"
#include "tilecompile/master/frame_rounds.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {

FrameTasks::FrameTasks(RunUnderWay& run, const NightFrames& frames, const FrameSource& source)
    : run_(run), source_(source) {
  if (run.links.own == nullptr || !run.config.parallel.frame_tasks) return;
  round_ = round_of(run, frames.raw != nullptr);
  bring_frames_in(run, source);
  ObjectStore& store = *run.links.store;
  store.put(frames_config_key(round_.task_template), canonical_method_json(run.config.method));
  store.put(frames_manifest_key(round_.task_template), frames.manifest_json);
  if (!frames.registration_json.empty())
    store.put(registration_key(run.request.run_id), frames.registration_json);
  if (run.request.resume)
    journalled_ = read_frames_journal(run.directory->path() / kFramesJournal, run.request.run_id);
}

std::unique_ptr<FramePasses> FrameTasks::passes(Observer& observer) const {
  const MethodConfig& method = run_.config.method;
  if (run_.links.own == nullptr || !run_.config.parallel.frame_tasks)
    return std::make_unique<LocalPasses>(source_, method, run_.threads, observer);
  return std::make_unique<FrameRounds>(
      FrameRoundsJob{round_, round_place(run_), source_, method, journalled_, observer});
}

}  // namespace tilecompile
