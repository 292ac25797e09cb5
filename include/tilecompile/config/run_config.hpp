#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "tilecompile/base/log.hpp"
#include "tilecompile/base/retry_schedule.hpp"
#include "tilecompile/coadd/coadd_params.hpp"
#include "tilecompile/header/frame_params.hpp"
#include "tilecompile/tile/tile_params.hpp"

namespace tilecompile {

/// The sections that reach a pixel; their canonical JSON is what `config_hash` covers.
struct MethodConfig {
  DataParams data;
  NormalizationParams normalization;
  GlobalMetricsParams global_metrics;
  GridParams tile;
  LocalMetricsParams local_metrics;
  SyntheticParams synthetic;
  ReconstructionParams reconstruction;
  StackingParams stacking;
};

/// The values that a configuration begins with, see config/profiles.hpp.
enum class Profile { kRecommended, kSmartTelescope, kFast, kV2 };
/// What has been done to the frames.
enum class InputStage { kRegistered, kRaw };
/// What becomes of frames that cannot be used.
enum class OnBadFrame { kError, kQuarantine };
/// How runs on one broker are kept apart: a results queue for each; one run at a time on a virtual host; a
/// virtual host that belongs to the run.
enum class Isolation { kRun, kShared, kVhost };
enum class QueueType { kClassic, kQuorum };
/// Whose user of the broker may answer: anyone's; that of all workers; the worker's own.
enum class BrokerRoles { kNone, kShared, kOwn };
enum class StorageType { kFile, kS3 };
/// How a party shows the broker who it is.
enum class BrokerLogin { kPassword, kClientCertificate };
enum class LogFormat { kText, kJson };

struct PipelineConfig {
  enum class Mode { kProduction, kTest };
  Mode mode = Mode::kProduction;  ///< for the record
  bool abort_on_fail = true;
};
/// Section `calibration` (`raw.md` R1).
struct CalibrationConfig {
  bool use_bias = false, use_dark = false, use_flat = false;
  /// Folders of single frames; relative: to the folder of the YAML file.
  std::string bias_dir, darks_dir, flats_dir, flat_darks_dir;
  /// Files that are masters already; likewise.
  std::string bias_master, dark_master, flat_master, flat_dark_master;
  bool bias_use_master = false, dark_use_master = false, flat_use_master = false;
  bool dark_already_bias_corrected = false;  ///< the dark master, or the darks, lack the bias
  bool dark_auto_select = true;              ///< each light takes the darks of its exposure
  double dark_match_exposure_tolerance_percent = 5;
  bool dark_match_use_temp = false;
  double dark_match_temp_tolerance_c = 2;
  std::string pattern;        ///< glob on file names; empty: every FITS name
  double cosmetic_sigma = 8;  ///< 0: no pixel is masked
  bool dark_scaling = false;  ///< darks of another exposure, scaled beside the bias
};
/// Section `registration`, and `data.cfa_pattern`, which registration alone reads.
struct RegistrationConfig {
  enum class Engine { kNone, kInternal, kSiril };
  Engine engine = Engine::kNone;
  std::string transform = "auto";
  std::string framing = "reference";  ///< reference | union | intersection
  std::string debayer = "auto";       ///< auto | interpolate | drizzle
  double output_scale = 1;            ///< 1 | 1.5 | 2
  double drop_fraction = 0.8;         ///< edge of a drizzled pixel in units of the raw one
  std::string cfa_pattern = "auto";   ///< auto: BAYERPAT; none; or RGGB, BGGR, GRBG, GBRG
  std::string reference = "auto";
  std::string output_dir = "registered";
  std::string registered_filename_pattern = "reg_{index:05d}.fit";
  int min_star_matches = 10;
  bool allow_rotation = true;
};
struct RuntimeLimitsConfig {
  double tile_analysis_max_factor_vs_stack = 0;  ///< 0: no limit
  double hard_abort_hours = 0;                   ///< 0: no limit
};
struct InputConfig {
  std::string dir;      ///< folder of the frames; relative: to the folder of the YAML file
  std::string pattern;  ///< glob on file names; empty: every FITS name
  InputStage stage = InputStage::kRegistered;
  OnBadFrame on_bad_frame = OnBadFrame::kError;
  bool count_duplicates = false;  ///< input.duplicates: keep
  bool prove_frames = true;       ///< every frame has to show the stars of the others
  double max_bad_share = 0.2;     ///< of all frames, that quarantine may leave out
};
struct OutputConfig {
  std::string dir = "out";        ///< run directories go below it; relative: to the current folder
  bool normalized_units = false;  ///< output.units: normalized
  std::string name;               ///< of the folder with the picture; empty: target and date
  bool tiff = false;              ///< picture.tif beside the picture
  bool tile_metrics = true;       ///< tile_metrics.fits, from tables of every frame in every tile
};
struct ParallelConfig {
  int threads = 0;           ///< compute threads (run) or slots (worker); 0: one a core
  int batch = 0;             ///< tiles a task; 0: auto
  bool frame_tasks = true;   ///< frames are analysed by the workers of a distributed run
  int frame_chunks = 0;      ///< canonical chunks of frames a task takes; 0: whole tiles
  int prefetch = 2;          ///< deliveries held a compute slot
  int memory_limit_mb = 0;   ///< 0: half of the machine's memory
  double audit_percent = 1;  ///< of the tiles, that the master computes too, to compare; 0: none
  int priority = 0;          ///< of this run's tasks among those of other runs, 0 to kHighestPriority
  Isolation isolation = Isolation::kRun;
};
inline constexpr int kHighestPriority = 9;
struct BrokerConfig {
  std::string host = "127.0.0.1";
  int port = 0;  ///< 0: 5671 with TLS, 5672 without
  std::string vhost = "/";
  BrokerLogin auth = BrokerLogin::kPassword;
  std::string user = "guest";
  std::string password_file;  ///< the password itself: this file, or TILECOMPILE_AMQP_PASSWORD, else "guest"
  bool tls = false;
  bool tls_verify = true;
  std::string ca_file, cert_file, key_file;  ///< PEM
  bool allow_plaintext = false;              ///< without TLS to another host
  std::string message_key_file;              ///< keys that sign messages; empty: unsigned
  int heartbeat_s = 10;
  double connect_timeout_s = 10;
  double reconnect_timeout_s = 300;
  double consumer_timeout_s = 1800;
  QueueType queue_type = QueueType::kClassic;
  BrokerRoles roles = BrokerRoles::kNone;
  std::string url;  ///< always empty: what a configuration says there is in the members above
};
struct S3Config {
  std::string endpoint, bucket, region, ca_file, credentials_file, profile;
  std::string prefix;         ///< of our objects
  std::string frames_prefix;  ///< of the frames; empty: they lie in input.dir
  bool path_style = true;
  int max_attempts = 5;
  double connect_timeout_s = 10;
  double stall_timeout_s = 30;
};
struct DiagnosticsConfig {
  bool enabled = false;
  int max_messages = 10000;  ///< that wait on the broker; the oldest are dropped first
  int max_age_s = 3600;      ///< of a message on the broker
};
struct StorageConfig {
  StorageType type = StorageType::kFile;
  std::string root;            ///< folder that master and workers share; empty: output.dir
  bool upload_frames = false;  ///< the master brings the frames into the bucket, workers read them there
  S3Config s3;
};
struct CacheConfig {
  std::string dir;        ///< empty: frames are read where they lie
  int size_limit_mb = 0;  ///< 0: no limit
};
struct RetryConfig : RetryPolicy {
  int max_failed_tiles = 0;  ///< more tiles failed for good end the run
};
struct ObservabilityConfig {
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::string health_file;  ///< of a worker; empty: none
  std::string listen;       ///< ADDR:PORT of the page and the metrics; empty: none
};

/// A worker that a run counts on; `tilecompile verify` names those that do not answer.
struct ExpectedWorker {
  std::string id;       ///< its worker_id
  std::string address;  ///< host or host:port that must be reachable; empty: not looked at
  int capacity = 0;     ///< slots it must offer; 0: any
};

/// The whole configuration of a run, defaults filled in.
struct RunConfig {
  Profile profile = Profile::kV2;
  std::string profile_why;  ///< what chose the profile, for people
  MethodConfig method;
  PipelineConfig pipeline;
  CalibrationConfig calibration;
  RegistrationConfig registration;
  ValidationParams validation;
  RuntimeLimitsConfig runtime_limits;
  InputConfig input;
  OutputConfig output;
  ParallelConfig parallel;
  BrokerConfig broker;
  StorageConfig storage;
  RetryConfig retry;
  CacheConfig cache;
  DiagnosticsConfig diagnostics;
  std::vector<ExpectedWorker> workers;
  ObservabilityConfig observability;
  std::vector<std::string> ignored_keys;  ///< of newer upstream files: read over, in the order of the file
};

/// Whether this program calibrates and registers the frames itself.
inline bool calibrates(const RunConfig& config) {
  return config.input.stage == InputStage::kRaw &&
         config.registration.engine == RegistrationConfig::Engine::kInternal;
}

/// The configuration of a worker: the sections of RunConfig that a worker has.
struct WorkerConfig {
  InputConfig input;  ///< only dir
  ParallelConfig parallel;
  BrokerConfig broker;
  StorageConfig storage;
  CacheConfig cache;
  ObservabilityConfig observability;
  std::string worker_id;  ///< empty: host name and process number
};

/// Whose file a key may stand in.
enum class ConfigRole { kRun, kWorker };

}  // namespace tilecompile
