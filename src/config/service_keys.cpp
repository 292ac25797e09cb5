#include <nlohmann/json.hpp>

#include "section_rows.hpp"

namespace tilecompile {
namespace {

using Table = std::vector<Key>;

void add_pipeline(Table& table) {
  using Mode = PipelineConfig::Mode;
  SectionRows<PipelineConfig> pipeline(
      table, "pipeline", kRunOnly, [](auto& s) -> auto& { return s.run.pipeline; });
  pipeline.add_choice("mode", &PipelineConfig::mode,
                      Choices<Mode>{{"production", Mode::kProduction}, {"test", Mode::kTest}},
                      "Kind of run, for the record");
  pipeline.add("abort_on_fail", &PipelineConfig::abort_on_fail, "Stop at the first phase that fails");
}

void add_stacking(Table& table) {
  using Engine = StackingParams::Engine;
  SectionRows<StackingParams> stacking(
      table, "stacking", kRunOnly, [](auto& s) -> auto& { return s.run.method.stacking; });
  stacking.add_choice("engine", &StackingParams::engine,
                      Choices<Engine>{{"internal", Engine::kInternal}, {"siril", Engine::kSiril}},
                      "Who stacks the synthetic frames");
  stacking.add("input_dir", &StackingParams::input_dir, TextRule::kRelativePath,
               "Folder of the synthetic frames, below the run's folder");
  stacking.add("input_pattern", &StackingParams::input_pattern, TextRule::kRelativePath,
               "Glob on the names of the synthetic frames");
  stacking.add("output_file", &StackingParams::output_file, TextRule::kFitsFile,
               "Name of the final image, below the run's folder");
}

void add_validation(Table& table) {
  using Validation = ValidationParams;
  SectionRows<Validation> validation(
      table, "validation", kRunOnly, [](auto& s) -> auto& { return s.run.validation; });
  validation.add("min_fwhm_improvement_percent", &Validation::min_fwhm_improvement_percent,
                 Between{-1000, 100},
                 "Least gain in FWHM over the plain mean, in percent; below 0: so much wider stars may be");
  validation.add("max_background_rms_increase_percent", &Validation::max_background_rms_increase_percent,
                 Between{-100, 10000},
                 "Largest growth of the sky's noise at equal star flux over the plain mean, in percent");
  validation.add("min_tile_weight_variance", &Validation::min_tile_weight_variance, Between{0, 1e6},
                 "Least variance of the weights of a tile over the frames");
  validation.add("require_no_tile_pattern", &Validation::require_no_tile_pattern,
                 "Fail when the grid of the tiles shows in the image");
}

void add_limits(Table& table) {
  using Limits = RuntimeLimitsConfig;
  SectionRows<Limits> limits(
      table, "runtime_limits", kRunOnly, [](auto& s) -> auto& { return s.run.runtime_limits; });
  limits.add("tile_analysis_max_factor_vs_stack", &Limits::tile_analysis_max_factor_vs_stack, Between{0, 1e6},
             "End the run when the tiles take longer than this many times the classical stack; 0: no limit");
  limits.add("hard_abort_hours", &Limits::hard_abort_hours, Between{0, 87600},
             "End the run, resumable, after this many hours; 0: no limit");
}

void add_input_output(Table& table) {
  SectionRows<InputConfig> shared(
      table, "input", kRunAndWorker, [](auto& s) -> auto& { return s.run.input; });
  shared.add("dir", &InputConfig::dir, TextRule::kAnyPath,
             "Folder of the frames; in a file relative to the folder of that file");
  SectionRows<InputConfig> input(
      table, "input", kRunOnly, [](auto& s) -> auto& { return s.run.input; });
  input.add(
      "pattern", &InputConfig::pattern, TextRule::kNamePattern,
      "Glob on the names of the frames; empty: FITS and raw files of cameras, or TIFF where nothing else is");
  input.add_choice("stage", &InputConfig::stage,
                   Choices<InputStage>{{"registered", InputStage::kRegistered}, {"raw", InputStage::kRaw}},
                   "What has been done to the frames");
  input.add_choice(
      "on_bad_frame", &InputConfig::on_bad_frame,
      Choices<OnBadFrame>{{"error", OnBadFrame::kError}, {"quarantine", OnBadFrame::kQuarantine}},
      "Frames that cannot be used: error ends the run and names them all, quarantine leaves them out");
  input.add_choice(
      "duplicates", &InputConfig::count_duplicates, Choices<bool>{{"leave_out", false}, {"keep", true}},
      "An exposure that is there in several files: leave_out counts it once, keep counts every file");
  input.add("prove_frames", &InputConfig::prove_frames,
            "Whether every frame has to show the stars of the others at their places; false for frames that "
            "follow a comet or an asteroid");
  input.add("max_bad_share", &InputConfig::max_bad_share, Between{0, 1},
            "Largest share of the frames that quarantine leaves out; with more the run ends");
  SectionRows<OutputConfig> output(
      table, "output", kRunOnly, [](auto& s) -> auto& { return s.run.output; });
  output.add("dir", &OutputConfig::dir, TextRule::kPath,
             "Folder that the runs' folders go to; relative to the current folder");
  output.add_choice("units", &OutputConfig::normalized_units,
                    Choices<bool>{{"input", false}, {"normalized", true}},
                    "Units of the images: those of the input, or multiples of the background");
  output.add("name", &OutputConfig::name, TextRule::kFolderName,
             "Name of the folder with the run's picture; empty: what the frames show (OBJECT) and the date");
  output.add("tiff", &OutputConfig::tiff,
             "Whether the run leaves picture.tif too: its picture stretched, 16 bits, for photo programs");
  output.add(
      "tile_metrics", &OutputConfig::tile_metrics,
      "Whether the run leaves tile_metrics.fits and rejection.csv: quality, weight and rejected pixels of "
      "every frame in every tile, which tile files then hold; synthetic frames need them in any case");
}

void add_parallel(Table& table) {
  SectionRows<ParallelConfig> parallel(
      table, "parallel", kRunAndWorker, [](auto& s) -> auto& { return s.run.parallel; });
  parallel.add("threads", &ParallelConfig::threads, Between{0, 1024}, "Compute threads; 0: one a core");
  parallel.add("batch", &ParallelConfig::batch, AutoOrBetween{1, 65536}, "Tiles a task");
  SectionRows<ParallelConfig> of_run(
      table, "parallel", kRunOnly, [](auto& s) -> auto& { return s.run.parallel; });
  of_run.add(
      "frame_chunks", &ParallelConfig::frame_chunks, Between{0, 65536},
      "Experimental: chunks of reconstruction.frame_chunk frames that a task takes of its tiles; 0: all");
  of_run.add("frame_tasks", &ParallelConfig::frame_tasks,
             "Whether the workers of a distributed run also analyse and stack the frames; false: its master");
  of_run.add("priority", &ParallelConfig::priority, Between{0, kHighestPriority},
             "Of this run's tasks among those of other runs on the same workers; the highest goes first");
  of_run.add(
      "audit_percent", &ParallelConfig::audit_percent, Between{0, 100},
      "Share of the tiles of workers that another worker, or else the master, computes too, in percent; 0: "
      "only tiles that look odd");
  parallel.add("prefetch", &ParallelConfig::prefetch, Between{1, 64},
               "Deliveries held ready for each compute thread");
  parallel.add("memory_limit_mb", &ParallelConfig::memory_limit_mb, Between{0, 1 << 30},
               "Memory the program may plan with, in MiB; 0: half of the machine's");
  parallel.add_choice(
      "isolation", &ParallelConfig::isolation,
      Choices<Isolation>{
          {"shared", Isolation::kShared}, {"vhost", Isolation::kVhost}, {"run", Isolation::kRun}},
      "run: result queues of its own for each run; shared: one run at a time on a vhost; vhost: "
      "broker.vhost belongs to this run");
}

void add_broker(Table& table) {
  SectionRows<BrokerConfig> broker(
      table, "broker", kRunAndWorker, [](auto& s) -> auto& { return s.run.broker; });
  broker.add("url", &BrokerConfig::url, TextRule::kAny,
             "amqps://user@host:port/vhost, or amqp:// without TLS: stands for these single keys");
  broker.add("host", &BrokerConfig::host, TextRule::kNotEmpty, "Host name or address of RabbitMQ");
  broker.add("port", &BrokerConfig::port, AutoOrBetween{1, 65535},
             "Port of RabbitMQ; auto: 5671 with TLS, 5672 without");
  broker.add("vhost", &BrokerConfig::vhost, TextRule::kNotEmpty, "Virtual host on the broker");
  broker.add_choice("auth", &BrokerConfig::auth,
                    Choices<BrokerLogin>{{"password", BrokerLogin::kPassword},
                                         {"external", BrokerLogin::kClientCertificate}},
                    "Login by user and password, or external: by the client certificate alone");
  broker.add("user", &BrokerConfig::user, TextRule::kNotEmpty, "User on the broker");
  broker.add("password_file", &BrokerConfig::password_file, TextRule::kAnyPath,
             "File whose first line is the password; empty: TILECOMPILE_AMQP_PASSWORD, else guest");
  broker.add("tls", &BrokerConfig::tls, "Encrypt the connection (amqps, TLS 1.2 or newer)");
  broker.add("tls_verify", &BrokerConfig::tls_verify,
             "Check the broker's certificate and that it is for broker.host");
  broker.add("ca_file", &BrokerConfig::ca_file, TextRule::kAnyPath,
             "PEM file of the authorities to trust; empty: those of the system");
  broker.add("cert_file", &BrokerConfig::cert_file, TextRule::kAnyPath, "PEM file of the client certificate");
  broker.add("key_file", &BrokerConfig::key_file, TextRule::kAnyPath,
             "PEM file of the client certificate's key, without a passphrase");
  broker.add("allow_plaintext", &BrokerConfig::allow_plaintext,
             "Connect to another host without TLS: only where the network itself is trusted");
  broker.add(
      "message_key_file", &BrokerConfig::message_key_file, TextRule::kAnyPath,
      "File of keys, one a line, that sign messages: the first signs, all are accepted; empty: unsigned");
  broker.add("heartbeat_s", &BrokerConfig::heartbeat_s, Between{0, 3600},
             "Seconds between heartbeats; 0: none");
  broker.add("connect_timeout_s", &BrokerConfig::connect_timeout_s, Between{0.1, 3600},
             "Seconds one attempt to connect may take");
  broker.add("reconnect_timeout_s", &BrokerConfig::reconnect_timeout_s, Between{0, 86400},
             "Seconds of trying again after the broker is lost");
  broker.add("consumer_timeout_s", &BrokerConfig::consumer_timeout_s, Between{60, 1e7},
             "The broker's consumer_timeout in seconds; tasks are made to stay well below it");
  broker.add_choice("queue_type", &BrokerConfig::queue_type,
                    Choices<QueueType>{{"classic", QueueType::kClassic}, {"quorum", QueueType::kQuorum}},
                    "Type of the queues");
  broker.add_choice(
      "roles", &BrokerConfig::roles,
      Choices<BrokerRoles>{
          {"none", BrokerRoles::kNone}, {"shared", BrokerRoles::kShared}, {"own", BrokerRoles::kOwn}},
      "Whose results count: none: anyone's; shared: those of the user tilecompile-worker; own: those of the "
      "user tilecompile-worker.ID, ID the worker's. Workers need the same value: they then say who they are");
}

void add_retry(Table& table) {
  SectionRows<RetryConfig> retry(
      table, "retry", kRunOnly, [](auto& s) -> auto& { return s.run.retry; });
  retry.add("max_attempts", &RetryConfig::max_attempts, Between{1, 100},
            "Attempts at a tile before it has failed for good");
  retry.add("base_s", &RetryConfig::base_s, Between{0, 3600}, "Seconds before the second attempt");
  retry.add("factor", &RetryConfig::factor, Between{1, 100}, "Growth of that time from attempt to attempt");
  retry.add("cap_s", &RetryConfig::cap_s, Between{0, 86400}, "Longest time between two attempts, in seconds");
  retry.add("max_worker_deaths", &RetryConfig::max_worker_deaths, Between{1, 100},
            "Workers that may die over a tile before it has failed for good");
  retry.add("max_failed_tiles", &RetryConfig::max_failed_tiles, Between{0, 1 << 24},
            "Tiles that may fail for good; more end the run");
}

void add_diagnostics(Table& table) {
  using Diagnostics = DiagnosticsConfig;
  SectionRows<Diagnostics> diagnostics(
      table, "diagnostics", kRunOnly, [](auto& s) -> auto& { return s.run.diagnostics; });
  diagnostics.add("enabled", &Diagnostics::enabled,
                  "Workers report quality, weights and checks of every tile; never changes a pixel");
  diagnostics.add("max_messages", &Diagnostics::max_messages, Between{1, 1000000},
                  "Messages that may wait on the broker; the oldest are dropped first");
  diagnostics.add("max_age_s", &Diagnostics::max_age_s, Between{1, 604800},
                  "Seconds a message may wait on the broker");
}

void add_storage_and_log(Table& table) {
  using Observability = ObservabilityConfig;
  add_storage_keys(table);
  SectionRows<Observability> observability(
      table, "observability", kRunAndWorker, [](auto& s) -> auto& { return s.run.observability; });
  observability.add_choice("log_level", &Observability::log_level,
                           Choices<LogLevel>{{"debug", LogLevel::kDebug},
                                             {"info", LogLevel::kInfo},
                                             {"warning", LogLevel::kWarning},
                                             {"error", LogLevel::kError}},
                           "Least severity that is logged");
  SectionRows<Observability> of_worker(
      table, "observability", kWorkerOnly, [](auto& s) -> auto& { return s.run.observability; });
  of_worker.add("health_file", &Observability::health_file, TextRule::kAny,
                "File that tells 'tilecompile health' how this worker is; empty: none");
  observability.add(
      "listen", &Observability::listen, TextRule::kAny,
      "Address and port (127.0.0.1:8765) at which a run shows its page, and run and worker their "
      "metrics (/metrics, /healthz, /readyz); empty: nowhere");
  observability.add_choice("log_format", &Observability::log_format,
                           Choices<LogFormat>{{"text", LogFormat::kText}, {"json", LogFormat::kJson}},
                           "Form of a log line");
}

// The one key whose value is a list of records.
void add_workers(Table& table) {
  Key key;
  key.path = "workers";
  key.doc =
      "Workers that verify expects to answer: id (their worker_id), address (host or host:port), capacity "
      "(slots)";
  key.type = KeyType::kWorkers;
  key.read = [](const Settings& s) {
    nlohmann::json list = nlohmann::json::array();
    for (const ExpectedWorker& w : s.run.workers)
      list.push_back({{"id", w.id}, {"address", w.address}, {"capacity", w.capacity}});
    return list;
  };
  key.write = [](Settings& s, const nlohmann::json& list) {
    s.run.workers.clear();
    for (const auto& w : list)
      s.run.workers.push_back({w["id"].get<std::string>(), w.value("address", ""), w.value("capacity", 0)});
  };
  table.push_back(std::move(key));
}

}  // namespace

void add_profile_key(Table& table) {
  SectionRows<RunConfig> top(
      table, "", kRunOnly, [](auto& s) -> auto& { return s.run; });
  top.add_choice(
      "profile", &RunConfig::profile,
      Choices<Profile>{{"recommended", Profile::kRecommended},
                       {"smart-telescope", Profile::kSmartTelescope},
                       {"fast", Profile::kFast},
                       {"v2", Profile::kV2}},
      "Values of all keys that are not named: those of config/deep-sky.yaml, smart-telescope.yaml or "
      "fast.yaml, or the literal v2 method. Without the key: recommended, but v2 for a file that names "
      "a key in a section of the method (data to stacking)");
}

void add_service_keys(Table& table) {
  add_pipeline(table);
  add_raw_keys(table);
  add_stacking(table);
  add_validation(table);
  add_limits(table);
  add_input_output(table);
  add_parallel(table);
  add_broker(table);
  add_retry(table);
  add_storage_and_log(table);
  add_workers(table);
  add_diagnostics(table);
  SectionRows<Settings> worker(
      table, "", kWorkerOnly, [](auto& s) -> auto& { return s; });
  worker.add("worker_id", &Settings::worker_id, TextRule::kIdentifier,
             "Name of this worker in results and logs; empty: host name and process number");
}

}  // namespace tilecompile
