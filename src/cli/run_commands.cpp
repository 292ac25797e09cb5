#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "command_table.hpp"
#include "run_flags.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/escaped.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/launch/modes.hpp"

namespace tilecompile {

void add_run_flags(CLI::App& app, RunFlags& flags) {
  app.add_option("config", flags.file, "RUN.yaml")->required();
  app.add_option("--run-id", flags.run_id, "UUID of the run; default: a new one");
  app.add_option("--output", flags.output, "Folder for run directories (output.dir)");
  app.add_option("--threads", flags.threads, "Compute threads (parallel.threads); 0: one a core")
      ->check(CLI::Range(0, 1024));
  app.add_option("--log-level", flags.log_level, "debug | info | warning | error");
  app.add_option("--log-format", flags.log_format, "text | json");
  app.add_flag("--quiet", flags.quiet, "No progress, only errors");
  app.add_option("--set", flags.overrides, "key.path=value over the file; repeatable")->take_all();
}

RunRequest make_request(const RunFlags& flags, const std::string& mode) {
  std::vector<std::string> overrides = flags.overrides;
  if (!flags.output.empty()) overrides.push_back("output.dir=" + flags.output);
  if (flags.threads >= 0) overrides.push_back("parallel.threads=" + std::to_string(flags.threads));
  if (!flags.log_level.empty()) overrides.push_back("observability.log_level=" + flags.log_level);
  if (!flags.log_format.empty()) overrides.push_back("observability.log_format=" + flags.log_format);
  RunRequest request;
  request.config = load_run_config(flags.file, overrides);
  if (!flags.run_id.empty() && !flags.resume.empty())
    throw UsageError("--run-id names a new run and --resume an old one: give one of them");
  request.resume = !flags.resume.empty();
  const std::string& given = request.resume ? flags.resume : flags.run_id;
  request.run_id = given.empty() ? new_uuid() : given;
  if (!is_uuid(request.run_id))
    throw UsageError((request.resume ? "--resume '" : "--run-id '") + request.run_id +
                     "' is not a UUID in lower case");
  request.mode = mode;
  request.quiet = flags.quiet;
  request.stop_signal = &stop_signal();
  const ObservabilityConfig& log = request.config.observability;
  configure_log(flags.quiet ? LogLevel::kError : log_level_from_name(log.log_level),
                log.log_format == "json");
  return request;
}

namespace {

void print_quality(const char* area, const std::vector<ProductQuality>& channels) {
  for (std::size_t c = 0; c < channels.size(); ++c) {
    const ProductQuality& q = channels[c];
    std::printf(
        "  %-12s%s %4d stars  FWHM %.3f px (%+.1f %%)  background rms %.4g (%+.1f %%)  flux scatter %.2f "
        "%%\n",
        area, channels.size() > 1 ? (" channel " + std::to_string(c)).c_str() : "", q.star_count, q.fwhm_px,
        q.fwhm_change_percent, q.background_rms, q.background_rms_change_percent, q.flux_scatter_percent);
  }
}

// Bad frames and files that are no frames, a line each. A folder can hold thousands of tiles.
void print_left_out(const RunRecord& record) {
  constexpr std::size_t kShown = 20;
  std::vector<BadFrame> all = record.quarantined;
  all.insert(all.end(), record.left_out.begin(), record.left_out.end());
  for (std::size_t i = 0; i < std::min(all.size(), kShown); ++i)
    std::printf("left out   %s: %s\n", escaped(all[i].path).c_str(), escaped_lines(all[i].reason).c_str());
  if (all.size() > kShown) std::printf("left out   %zu more, see run.json\n", all.size() - kShown);
}

// The outcome on stdout: where the pictures are and how they compare with the classical stack.
int print_outcome(const RunOutcome& outcome) {
  const RunRecord& r = outcome.record;
  std::printf("run        %s\n", r.run_id.c_str());
  std::printf("frames     %d of %d x %d px, %d channel%s\n", r.frames, r.width, r.height, r.channels,
              r.channels == 1 ? "" : "s");
  if (r.reference_stars > 0)
    std::printf("seeing     %.2f px from %d reference stars\n", r.seeing_px, r.reference_stars);
  else
    std::printf("seeing     %.2f px taken, as too few stars can be measured\n", r.seeing_px);
  std::printf("tiles      %d of %d px, %d with stars\n", r.tiles, r.tile_size_px, r.star_tiles);
  for (const ProductRecord& p : r.products) {
    std::printf("%-10s %s\n", p.name.c_str(), (outcome.directory / p.file).c_str());
    std::printf("  digest      %s\n", p.digest.c_str());
    if (p.covered_area.empty()) continue;
    print_quality("common area", p.common_area);
    print_quality("all covered", p.covered_area);
  }
  std::printf("preview    %s\n", (outcome.directory / "preview.png").c_str());
  double seconds = 0;
  for (const PhaseCost& phase : r.phases) seconds += phase.seconds;
  std::printf("time       %.1f s, peak memory %.0f MB\n", seconds,
              static_cast<double>(r.peak_memory_bytes) / 1048576.0);
  for (const VerdictCheck& check : r.verdict)
    std::printf("%-10s %s: %s\n", check.passed ? "verdict" : "FAILED", check.name.c_str(),
                check.text.c_str());
  print_left_out(r);
  for (const std::string& warning : r.warnings)
    std::printf("warning    %s\n", escaped_lines(warning).c_str());
  return outcome.exit_code;
}

}  // namespace

namespace {
void add_resume_flag(CLI::App& app, RunFlags& flags) {
  app.add_option("--resume", flags.resume,
                 "Go on with the run of this UUID, which was interrupted or failed");
}
}  // namespace

void set_up_run(CLI::App& app, const ChooseAction& choose) {
  const auto flags = std::make_shared<RunFlags>();
  add_run_flags(app, *flags);
  add_resume_flag(app, *flags);
  app.callback(
      [flags, choose] { choose([flags] { return print_outcome(run_local(make_request(*flags, "run"))); }); });
}

void set_up_master(CLI::App& app, const ChooseAction& choose) {
  const auto flags = std::make_shared<RunFlags>();
  add_run_flags(app, *flags);
  add_resume_flag(app, *flags);
  app.add_option("--workers", flags->workers, "Worker processes to start on this host")
      ->check(CLI::Range(0, 256));
  app.callback([flags, choose] {
    choose(
        [flags] { return print_outcome(run_distributed(make_request(*flags, "master"), flags->workers)); });
  });
}

void set_up_worker(CLI::App& app, const ChooseAction& choose) {
  struct WorkerFlags {
    std::string file;
    bool quiet = false;
    std::vector<std::string> overrides;
    std::vector<std::pair<std::string, std::string>> keys;
  };
  const auto flags = std::make_shared<WorkerFlags>();
  app.add_option("config", flags->file, "WORKER.yaml; default: only flags and environment");
  app.add_option("--set", flags->overrides, "key.path=value over the file; repeatable")->take_all();
  app.add_flag("--quiet", flags->quiet, "Only errors");
  const auto known = worker_keys();
  flags->keys.reserve(known.size());
  for (const WorkerKey& key : known) {
    flags->keys.emplace_back(key.path, "");
    std::string names = "--" + key.path;
    if (key.path == "parallel.threads") names += ",--threads";
    if (key.path == "observability.log_level") names += ",--log-level";
    if (key.path == "observability.log_format") names += ",--log-format";
    app.add_option(names, flags->keys.back().second, key.description + " (" + key.environment + ")");
  }
  app.callback([flags, choose] {
    choose([flags] {
      std::vector<std::string> overrides = flags->overrides;
      for (const auto& [path, value] : flags->keys)
        if (!value.empty()) overrides.push_back(path + "=" + value);
      const WorkerConfig config = load_worker_config(flags->file, overrides);
      configure_log(flags->quiet ? LogLevel::kError : log_level_from_name(config.observability.log_level),
                    config.observability.log_format == "json");
      serve_worker(config, stop_signal());
      return stop_signal() == 0 ? 0 : 128 + stop_signal().load();
    });
  });
}

}  // namespace tilecompile
