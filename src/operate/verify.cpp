#include "tilecompile/operate/verify.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/night/frame_listing.hpp"
#include "tilecompile/night/frame_scan.hpp"
#include "tilecompile/night/frame_upload.hpp"
#include "tilecompile/operate/setup.hpp"
#include "tilecompile/protocol/broker_alarm.hpp"
#include "tilecompile/protocol/broker_link.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/run_contexts.hpp"
#include "verifier.hpp"

namespace tilecompile {
namespace {

constexpr int kFewFrames = 4;

}  // namespace

bool VerifyReport::ok() const {
  return std::all_of(checks.begin(), checks.end(), [](const VerifyCheck& c) { return c.ok; });
}

Verifier::Verifier(const RunRequest& request, double wait_s, std::function<void(const VerifyCheck&)> note)
    : request_(request),
      config_(request.config),
      wait_s_(wait_s),
      note_(std::move(note)),
      verified_(std::make_shared<VerifiedFiles>()) {}

Verifier::~Verifier() {
  try {
    clean_up();
  } catch (const std::exception& e) {
    log_warning(std::string("something of this check stays behind: ") + e.what());
  }
}

bool Verifier::check(const std::string& name, const std::string& remedy,
                     const std::function<std::string()>& action) {
  VerifyCheck made;
  made.name = name;
  try {
    made.text = action();
    made.ok = true;
  } catch (const std::exception& e) {
    made.text = e.what();
    made.remedy = remedy;
  }
  report_.checks.push_back(made);
  note_(made);
  return made.ok;
}

VerifyReport Verifier::run() {
  check_frames();
  check_places();
  check_hosts();
  check_broker();
  if (prepare_probes()) probe_workers();
  judge_answers();
  check_fleet();
  check_resting();
  check_missing();
  check_tile();
  return report_;
}

void Verifier::check_frames() {
  std::vector<std::string> paths;
  const bool found = check("frames", "correct input.dir and input.pattern, or add frames", [&] {
    frames_ = open_frames(config_);
    FrameListing listing = list_frames(frames_, config_.input.pattern);
    paths = std::move(listing.paths);
    const int least = config_.method.data.frames_min;
    if (static_cast<int>(paths.size()) < least)
      throw InputError(std::to_string(paths.size()) + " frames in " + frames_.describe() +
                       ", data.frames_min asks for at least " + std::to_string(least));
    std::string text = std::to_string(paths.size()) + " frames in " + frames_.describe();
    for (const std::string& note : listing.notes) text += "; " + note;
    return text;
  });
  if (!found || config_.input.stage == InputStage::kRaw)
    return;  // workers read the registered frames of a run
  check("frames readable", "look at the frames named", [&] {
    std::vector<std::string> some;
    const std::size_t count = std::min<std::size_t>(kFewFrames, paths.size());
    for (std::size_t i = 0; i < count; ++i) some.push_back(paths[(2 * i + 1) * paths.size() / (2 * count)]);
    ScannedFrames scanned =
        scan_frames(frames_, some, thread_count(config_.parallel.threads),
                    {config_.method.data, false, config_.input.count_duplicates}, verified_);
    const bool all_needed =
        config_.input.on_bad_frame == OnBadFrame::kError || scanned.manifest.frames.empty();
    if (!scanned.bad.empty() && all_needed) refuse_frames(scanned.bad, some.size());
    few_ = std::make_shared<Manifest>(std::move(scanned.manifest));
    std::string text = std::to_string(some.size()) + " tried: " + std::to_string(few_->width()) + " x " +
                       std::to_string(few_->height()) + " px, " + std::to_string(few_->channels()) +
                       (few_->channels() == 1 ? " channel" : " channels");
    for (const BadFrame& frame : scanned.left_out) text += "; left out: " + frame.path + " " + frame.reason;
    for (const std::string& warning : header_warnings(*few_)) text += "; " + warning;
    return text;
  });
}

void Verifier::check_places() {
  check("output", "name a folder that this user may write to in output.dir", [&] {
    const std::filesystem::path folder = std::filesystem::absolute(config_.output.dir);
    std::filesystem::create_directories(folder);
    if (access(folder.c_str(), W_OK | X_OK) != 0) throw TransientError("cannot write to " + folder.string());
    return folder.string();
  });
  check("storage", "mount or create storage.root, and let this user write there", [&] {
    store_ = open_store(config_.storage, storage_root(config_));
    const std::string key = new_uuid() + "/verify", bytes = "tilecompile verify\n";
    written_.insert(key);
    store_->put(key, bytes);
    if (store_->get(key) != bytes) throw TransientError(store_->describe() + " gives other bytes back");
    return store_->describe();
  });
}

void Verifier::check_broker() {
  const std::string place = broker_place(config_.broker);
  const bool up = check("broker", "see section broker of the file and docs/operating.md", [&] {
    transport_ = connect_broker(config_.broker, "tilecompile verify", request_.stop_signal);
    return place + (config_.broker.tls ? ", TLS, " : ", plain text, ") + "virtual host " +
           config_.broker.vhost;
  });
  if (!up) return;
  const std::string set_up = "run: tilecompile setup RUN.yaml";
  for (const QueueSpec& queue : lasting_queues(config_)) {
    if (queue.name.starts_with(kRetryQueuePrefix)) continue;
    check("queue " + queue.name, set_up, [&] {
      const auto state = transport_->inspect(queue.name);
      if (!state) throw UsageError("it does not exist");
      return std::to_string(state->messages) + " messages, " + std::to_string(state->consumers) +
             " consumers";
    });
  }
  check("back-off ladder", set_up, [&] { return look_at_ladder(); });
  check("publishing", "free disk or memory on the broker's host", [&] {
    if (const std::string alarm = find_alarm(*transport_); !alarm.empty())
      throw TransientError("nothing can be sent: the broker " + alarm);
    return "the broker takes messages";
  });
  check("consumers", "start workers: tilecompile worker WORKER.yaml", [&] {
    const auto state = transport_->inspect(kComputeQueue);
    consumers_ = state ? state->consumers : 0;
    if (consumers_ == 0) throw UsageError(std::string("no worker consumes ") + kComputeQueue);
    return std::to_string(consumers_) + " on " + kComputeQueue;
  });
}

std::string Verifier::look_at_ladder() {
  std::string missing;
  std::uint64_t rungs = 0, messages = 0;
  for (const int seconds : retry_rungs(config_.retry)) {
    const auto state = transport_->inspect(retry_queue(seconds));
    if (!state) missing += (missing.empty() ? "" : ", ") + retry_queue(seconds);
    ++rungs;
    messages += state ? state->messages : 0;
  }
  if (!missing.empty()) throw UsageError("missing: " + missing);
  return std::to_string(rungs) + " queues " + kRetryQueuePrefix + "<seconds>, " + std::to_string(messages) +
         " messages";
}

bool Verifier::prepare_probes() {
  if (!transport_ || !store_ || consumers_ == 0) return false;
  return check("probes", "see the text", [&] {
    std::string run_id = new_uuid();
    if (few_) {
      if (config_.storage.upload_frames)
        upload_frames(FrameSource(frames_, few_, config_.method.data.zero_is_nodata, verified_), *store_,
                      thread_count(config_.parallel.threads));
      small_ = make_small_task(config_, frames_, few_, verified_, *store_);
      run_id = small_->task.run_id;
      written_.insert(
          {config_key(run_id), manifest_key(run_id), frame_metrics_key(run_id), tile_key(run_id, 0)});
    }
    answer_queue_ = results_queue(run_id, Isolation::kRun);
    transport_->declare(results_queue_spec(answer_queue_, config_.broker.queue_type == QueueType::kQuorum));
    transport_->consume(answer_queue_, 64, true);
    return "answers on " + answer_queue_;
  });
}

void Verifier::clean_up() {
  if (transport_ && !answer_queue_.empty()) transport_->remove_queue(answer_queue_);
  if (transport_) transport_->close();
  if (!store_) return;
  std::set<std::string> folders;
  for (const std::string& key : written_) {
    store_->remove(key);
    for (std::string part = key; (part = part.substr(0, part.rfind('/'))).find('/') != std::string::npos;)
      folders.insert(part);
    folders.insert(key.substr(0, key.find('/')));
  }
  if (config_.storage.type != StorageType::kFile) return;
  // A file store leaves empty folders behind; longer paths first.
  std::error_code not_empty;
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder)
    std::filesystem::remove(storage_root(config_) / *folder, not_empty);
}

VerifyReport verify_run(const RunRequest& request, double wait_s,
                        const std::function<void(const VerifyCheck&)>& note) {
  return Verifier(request, wait_s, note).run();
}

nlohmann::json verify_json(const VerifyReport& report) {
  nlohmann::json checks = nlohmann::json::array(), workers = nlohmann::json::array();
  for (const VerifyCheck& c : report.checks)
    checks.push_back({{"name", c.name}, {"ok", c.ok}, {"text", c.text}, {"remedy", c.remedy}});
  for (const WorkerFacts& w : report.workers)
    workers.push_back({{"worker_id", w.worker_id},
                       {"host", w.host},
                       {"program_version", w.program_version},
                       {"numerics_version", w.numerics_version},
                       {"cpu_features", w.cpu_features},
                       {"slots", w.slots}});
  return {{"ok", report.ok()}, {"checks", checks}, {"workers", workers}};
}

}  // namespace tilecompile
