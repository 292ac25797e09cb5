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
#include "tilecompile/operate/folder_configuration.hpp"
#include "tilecompile/operate/run_status.hpp"
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

namespace {

// What follows --page or --metrics, if anything does.
std::string place_or_loopback(const std::vector<std::string>& given) {
  return given.empty() || given.front().empty() ? "127.0.0.1" : given.front();
}

// A UUID as it is; latest, a folder, or the first characters of a UUID.
std::string run_to_resume(const std::string& given, const RunConfig& config) {
  if (is_uuid(given)) return given;
  namespace fs = std::filesystem;
  const fs::path output = config.output.dir;
  const fs::path directory = fs::absolute(find_run_directory(given, output) / "").parent_path();
  std::error_code ignored;
  if (!fs::equivalent(directory.parent_path(), output, ignored))
    throw UsageError("--resume " + given + ": the run lies in " + directory.parent_path().string() +
                     ", not in output.dir = " + output.string() + "; give --output as in its first start");
  return directory.filename().string();
}

}  // namespace

void configure_log(const ObservabilityConfig& log, bool quiet) {
  configure_log(quiet ? LogLevel::kError : log.log_level, log.log_format == LogFormat::kJson);
}

RunRequest make_request(const RunFlags& flags) {
  std::vector<std::string> overrides = flags.overrides;
  if (!flags.output.empty()) overrides.push_back("output.dir=" + flags.output);
  if (flags.threads >= 0) overrides.push_back("parallel.threads=" + std::to_string(flags.threads));
  if (!flags.log_level.empty()) overrides.push_back("observability.log_level=" + flags.log_level);
  if (!flags.log_format.empty()) overrides.push_back("observability.log_format=" + flags.log_format);
  if (flags.has_page) overrides.push_back("observability.listen=" + place_or_loopback(flags.page));
  RunRequest request;
  std::error_code unknown;
  if (std::filesystem::status(flags.file, unknown).type() == std::filesystem::file_type::not_found)
    throw UsageError("'" + flags.file +
                     "' is neither a folder of lights nor a configuration file: there is nothing "
                     "of that name; check the path");
  if (std::filesystem::is_directory(flags.file)) {
    const FolderConfiguration found = configure_folder(flags.file);
    request.config = load_run_text(found.yaml, flags.file, overrides);
    request.choices = found.choices;
  } else {
    request.config = load_run_config(flags.file, overrides);
  }
  if (!flags.run_id.empty() && !flags.resume.empty())
    throw UsageError("--run-id names a new run and --resume an old one: give one of them");
  request.resume = !flags.resume.empty();
  const std::string given = request.resume ? run_to_resume(flags.resume, request.config) : flags.run_id;
  request.run_id = given.empty() ? new_uuid() : given;
  if (!is_uuid(request.run_id))
    throw UsageError((request.resume ? "--resume '" : "--run-id '") + request.run_id +
                     "' is not a UUID in lower case");
  request.quiet = flags.quiet;
  request.stop_signal = &stop_signal();
  configure_log(request.config.observability, flags.quiet);
  for (const std::string& choice : request.choices) log_info(choice);
  return request;
}

namespace {
int print_outcome(const RunOutcome& outcome) {
  std::fputs(run_summary(outcome.record, outcome.directory).c_str(), stdout);
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
