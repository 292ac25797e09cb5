#pragma once
#include <filesystem>
#include <fstream>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"
#include "tilecompile/protocol/diagnostics_message.hpp"

namespace tilecompile {

/// What a collector needs to know of its run.
struct DiagnosticsJob {
  DiagnosticsConfig config;
  std::string run_id;
  Isolation isolation = Isolation::kRun;
  int tiles = 0, channels = 1;
  std::filesystem::path file;  ///< diagnostics.jsonl of the run directory
};

/// The master's side of the diagnostics: a bounded queue, and a file that gets one line for each tile.
/// Nothing here throws or waits for a message; what fails is a warning, and the run goes on without
/// diagnostics.
class DiagnosticsCollector {
 public:
  /// Declares the queue and starts consuming it.
  DiagnosticsCollector(Transport& transport, DiagnosticsJob job);
  ~DiagnosticsCollector();
  DiagnosticsCollector(const DiagnosticsCollector&) = delete;
  DiagnosticsCollector& operator=(const DiagnosticsCollector&) = delete;

  /// Asks in a task's header for diagnostics of its tiles.
  void ask(Message& task) const;
  /// Takes a delivery of the diagnostics queue; false, and nothing done, for one of another queue.
  bool take(const Delivery& delivery);
  /// Takes what has arrived, stops consuming, removes the run's own queue, and returns the summary for
  /// run.json: tiles heard of, messages ignored, and for every channel the sum of the quality histograms and
  /// the smallest and largest n_eff.
  nlohmann::json finish();

 private:
  struct ChannelSums {
    QualityHistogram quality;
    double smallest_n_eff = 0, largest_n_eff = 0;
  };
  void start();
  bool is_news(const TileDiagnostics& diagnostics) const;
  void store(const TileDiagnostics& diagnostics);
  void sum_up(const TileDiagnostics& diagnostics);
  void drain();
  void leave();
  void go_without(const std::string& why);

  Transport& transport_;
  DiagnosticsJob job_;
  std::string queue_;
  bool consuming_ = false;
  std::ofstream file_;
  std::vector<bool> heard_;  ///< [tile]
  int tiles_ = 0;
  std::int64_t ignored_ = 0;
  std::vector<ChannelSums> sums_;  ///< [channel]
};

}  // namespace tilecompile
