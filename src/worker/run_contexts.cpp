#include "tilecompile/worker/run_contexts.hpp"

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/process_usage.hpp"
#include "tilecompile/night/frame_sums.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kRunsKept = 2;

void check_range(const TileTask& task, const RunContext& run) {
  const int frames = static_cast<int>(run.manifest->frames.size());
  if (task.last_frame >= frames)
    throw InputError("task asks for frames up to " + std::to_string(task.last_frame) + ", the manifest has " +
                     std::to_string(frames));
  if (of_frames(task.work)) return;
  if (run.metrics.frame_count() != frames || run.metrics.channel_count() != run.manifest->channels())
    throw InputError("frame metrics and manifest of the run differ in frames or channels");
}

}  // namespace

RunContexts::RunContexts(ObjectStore& store, FrameOrigin frames, std::size_t memory_limit_bytes, int slots,
                         std::shared_ptr<VerifiedFiles> verified, std::size_t largest_band_bytes)
    : store_(store),
      frames_(std::move(frames)),
      bands_(std::make_shared<BandCache>(memory_limit_bytes, static_cast<std::size_t>(slots),
                                         largest_band_bytes)),
      verified_(std::move(verified)) {}

std::shared_ptr<RunContext> RunContexts::fetch(const TileTask& task) const {
  auto run = std::make_shared<RunContext>();
  const bool frames = of_frames(task.work);
  run->method = parse_method_json(fetch_checked(
      store_, frames ? frames_config_key(task) : config_key(task.run_id), task.config_hash, "configuration"));
  run->manifest = std::make_shared<Manifest>(
      decode_manifest(fetch_checked(store_, frames ? frames_manifest_key(task) : manifest_key(task.run_id),
                                    task.frames_manifest_id, "manifest"),
                      task.work != TaskWork::kHash));
  if (frames) {
    run->pass = std::make_shared<PassState>(fetch_pass_state(store_, task.metrics, *run->manifest));
  } else {
    run->metrics =
        decode_frame_metrics(fetch_checked(store_, task.metrics.ref, task.metrics.checksum, "frame metrics"));
  }
  if (task.clusters) {
    run->clusters =
        decode_clusters(fetch_checked(store_, task.clusters->ref, task.clusters->checksum, "clusters"));
    if (run->clusters.of_frame.size() != run->manifest->frames.size())
      throw InputError("clusters and manifest of the run differ in frames");
  }
  // Raw frames have a registration, once their stars are found; frames of calibration never do.
  const bool registered =
      task.input_stage == "raw" && task.work != TaskWork::kDetect && !of_calibration(task.work);
  if (registered != !run->manifest->registration.empty())
    throw InputError("task asks for input_stage '" + task.input_stage + "', the manifest of the run has " +
                     (run->manifest->registration.empty() ? "no" : "a") + " registration");
  learn_sums(frames ? run->pass->analysis.metrics : run->metrics, *run->manifest);
  FrameOrigin origin = frames_;
  // Beside the folder by its name here, whatever it is a link to.
  if (run->pass && !origin.by_content && !run->pass->making.place.empty())
    origin.folder = (origin.folder / run->pass->making.place).lexically_normal();
  run->frames =
      std::make_shared<FrameSource>(std::move(origin), run->manifest, run->method.data.zero_is_nodata,
                                    verified_, fetch_raw_night(store_, task.run_id, *run->manifest));
  run->bands = bands_;
  return run;
}

// They save time. Where they are gone, as from a storage that was cleaned, whole files are hashed.
void RunContexts::learn_sums(const FrameMetrics& metrics, const Manifest& manifest) const {
  if (metrics.sums_ref.empty()) return;
  try {
    learn_frame_sums(
        fetch_checked(store_, metrics.sums_ref, metrics.sums_checksum, "sums of the frames' files"), manifest,
        *verified_);
  } catch (const TransientError&) {
  } catch (const InputError&) {
  }
}

void RunContexts::check(const TileTask& task) const {
  const std::shared_ptr<RunContext> run = fetch(task);
  check_range(task, *run);
  if (task.work == TaskWork::kHash)
    run->frames->content(task.first_frame);
  else if (!of_calibration(task.work))
    run->frames->file(task.first_frame);
}

void RunContexts::forget() {
  const std::lock_guard<std::mutex> lock(mutex_);
  latest_.clear();
  bands_->clear();
}

std::shared_ptr<RunContext> RunContexts::get(const TileTask& task) {
  if (task.input_stage != "registered" && task.input_stage != "raw")
    throw InputError(
        "task asks for input_stage '" + task.input_stage +
        "', this worker serves 'registered' and 'raw' (it applies the factors of the frame metrics "
        "itself)");
  const std::string id = task.run_id + task.config_hash + task.frames_manifest_id + task.metrics.ref +
                         task.metrics.checksum +
                         (task.clusters ? task.clusters->ref + task.clusters->checksum : "");
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& [known, run] : latest_)
    if (known == id) {
      check_range(task, *run);
      return run;
    }
  std::shared_ptr<RunContext> run = fetch(task);
  check_range(task, *run);
  if (frames_.kept && !kept_for_.empty() && kept_for_ != task.run_id) frames_.kept->forget();
  kept_for_ = task.run_id;
  latest_.emplace_front(id, run);
  if (latest_.size() > kRunsKept) latest_.pop_back();
  give_back_freed_memory();  // tiles want their bands where a pass over the frames had its planes
  return run;
}

}  // namespace tilecompile
