#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "command_table.hpp"
#include "run_flags.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/launch/modes.hpp"
#include "tilecompile/launch/resumed_run.hpp"
#include "tilecompile/operate/folder_configuration.hpp"
#include "tilecompile/report/summary.hpp"

namespace tilecompile {

void add_run_flags(CLI::App& app, RunFlags& flags) {
  app.add_option("config", flags.file,
                 "RUN.yaml, or the folder of a night: lights, with darks, flats and biases")
      ->required();
  app.add_option("--run-id", flags.run_id, "UUID of the run; default: a new one");
  app.add_option("--output", flags.output, "Folder for run directories (output.dir)");
  app.add_option("--threads", flags.threads, "Compute threads (parallel.threads); 0: one a core")
      ->check(CLI::Range(0, 1024));
  app.add_option("--log-level", flags.log_level, "debug | info | warning | error");
  app.add_option("--log-format", flags.log_format, "text | json");
  app.add_flag("--quiet", flags.quiet, "No progress, only errors");
  app.add_option("--set", flags.overrides, "key.path=value over the file; repeatable")->take_all();
}

std::string place_or_loopback(const std::vector<std::string>& given) {
  return given.empty() || given.front().empty() ? "127.0.0.1" : given.front();
}

namespace {

// Flags that stand for keys.
std::vector<std::string> keys_of_flags(const RunFlags& flags) {
  std::vector<std::string> keys;
  if (!flags.output.empty()) keys.push_back("output.dir=" + flags.output);
  if (flags.threads >= 0) keys.push_back("parallel.threads=" + std::to_string(flags.threads));
  if (!flags.log_level.empty()) keys.push_back("observability.log_level=" + flags.log_level);
  if (!flags.log_format.empty()) keys.push_back("observability.log_format=" + flags.log_format);
  if (flags.has_page) keys.push_back("observability.listen=" + place_or_loopback(flags.page));
  return keys;
}

std::vector<std::string> joined(std::vector<std::string> first, const std::vector<std::string>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// A file, or what was found in a folder.
struct GivenConfiguration {
  std::string file;
  FolderConfiguration found;
  RunConfig load(const std::vector<std::string>& overrides) const {
    return found.yaml.empty() ? load_run_config(file, overrides) : load_run_text(found.yaml, file, overrides);
  }
};

// The run is looked for where the file says. A file that is whole only with the flags of the first start says
// it later.
ResumedRun resumed_run(const RunFlags& flags, const GivenConfiguration& given) {
  std::string output = flags.output.empty() ? "out" : flags.output;
  try {
    output = given.load(joined(flags.overrides, keys_of_flags(flags))).output.dir;
  } catch (const UsageError&) {
  }
  return find_resumed_run(flags.resume, output, !flags.output.empty());
}

}  // namespace

void configure_log(const ObservabilityConfig& log, bool quiet) {
  configure_log(quiet ? LogLevel::kError : log.log_level, log.log_format == LogFormat::kJson);
}

RunRequest make_request(const RunFlags& flags) {
  std::error_code unknown;
  if (std::filesystem::status(flags.file, unknown).type() == std::filesystem::file_type::not_found)
    throw UsageError("'" + flags.file +
                     "' is neither a folder of lights nor a configuration file: there is nothing "
                     "of that name; check the path");
  if (!flags.run_id.empty() && !flags.resume.empty())
    throw UsageError("--run-id names a new run and --resume an old one: give one of them");
  GivenConfiguration given{flags.file, {}};
  if (std::filesystem::is_directory(flags.file)) given.found = configure_folder(flags.file);
  RunRequest request;
  request.choices = given.found.choices;
  request.settings = flags.overrides;
  request.resume = !flags.resume.empty();
  request.run_id = flags.run_id.empty() ? new_uuid() : flags.run_id;
  ResumedRun resumed;
  if (request.resume) {
    resumed = resumed_run(flags, given);
    request.run_id = resumed.run_id;
    request.settings = joined(resumed.settings, flags.overrides);
  }
  if (!is_uuid(request.run_id))
    throw UsageError((request.resume ? "--resume '" : "--run-id '") + request.run_id +
                     "' is not a UUID in lower case");
  request.config = given.load(joined(request.settings, keys_of_flags(flags)));
  if (request.resume) request.config.output.dir = resumed.output_dir;
  request.quiet = flags.quiet;
  request.stop_signal = &stop_signal();
  configure_log(request.config.observability, flags.quiet);
  // A profile that is named was not chosen.
  const auto names_profile = [](const std::string& setting) { return setting.starts_with("profile="); };
  if (std::any_of(request.settings.begin(), request.settings.end(), names_profile))
    std::erase_if(request.choices, [](const std::string& choice) { return choice.starts_with("profile "); });
  for (const std::string& choice : request.choices) log_info(choice);
  for (const std::string& setting : resumed.settings) log_info("as at its first start: --set " + setting);
  return request;
}

namespace {
int print_outcome(const RunOutcome& outcome) {
  std::fputs(run_summary(outcome.record, outcome.directory, outcome.folder).c_str(), stdout);
  return outcome.exit_code;
}

void add_start_flags(CLI::App& app, RunFlags& flags) {
  app.add_option("--page", flags.page,
                 "Show the run in a browser while it goes on (observability.listen); default: 127.0.0.1:8765")
      ->expected(0, 1)
      ->type_name("ADDR:PORT")
      ->each([&flags](const std::string&) { flags.has_page = true; });
  app.add_option("--resume", flags.resume,
                 "Go on with a run that was interrupted or failed: its UUID, the first characters of it, its "
                 "folder, or latest");
}
}  // namespace

void set_up_run(CLI::App& app, const ChooseAction& choose) {
  const auto flags = std::make_shared<RunFlags>();
  add_run_flags(app, *flags);
  add_start_flags(app, *flags);
  app.callback(
      [flags, choose] { choose([flags] { return print_outcome(run_local(make_request(*flags))); }); });
}

void set_up_master(CLI::App& app, const ChooseAction& choose) {
  const auto flags = std::make_shared<RunFlags>();
  add_run_flags(app, *flags);
  add_start_flags(app, *flags);
  app.add_option("--workers", flags->workers, "Worker processes to start on this host")
      ->check(CLI::Range(0, 256));
  app.callback([flags, choose] {
    choose([flags] { return print_outcome(run_distributed(make_request(*flags), flags->workers)); });
  });
}

void set_up_worker(CLI::App& app, const ChooseAction& choose) {
  struct WorkerFlags {
    std::string file;
    bool quiet = false, has_metrics = false;
    std::vector<std::string> overrides, metrics;
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
  app.add_option("--metrics", flags->metrics,
                 "Answer /metrics, /healthz and /readyz (observability.listen); default: 127.0.0.1:8766")
      ->expected(0, 1)
      ->type_name("ADDR:PORT")
      ->each([f = flags.get()](const std::string&) { f->has_metrics = true; });
  app.callback([flags, choose] {
    choose([flags] {
      std::vector<std::string> overrides = flags->overrides;
      if (flags->has_metrics)
        overrides.push_back("observability.listen=" + place_or_loopback(flags->metrics));
      for (const auto& [path, value] : flags->keys)
        if (!value.empty()) overrides.push_back(path + "=" + value);
      const WorkerConfig config = load_worker_config(flags->file, overrides);
      configure_log(config.observability, flags->quiet);
      serve_worker(config, stop_signal());
      return stop_signal() == 0 ? 0 : 128 + stop_signal().load();
    });
  });
}

}  // namespace tilecompile
