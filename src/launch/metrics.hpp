#pragma once
#include <atomic>
#include <string>

#include "tilecompile/operate/run_status.hpp"

namespace tilecompile {

/// Content type of the text below.
extern const char* const kMetricsType;

/// How a run stands, for Prometheus: its text format, with figures of this process too. Workers are labels;
/// tiles are not.
std::string run_metrics(const RunStatus& status);

/// What a worker did since it was started.
struct WorkerCounts {
  std::atomic<long> tiles{0}, failures{0}, handed_back{0};
  std::atomic<double> compute_seconds{0};
  std::atomic<double> last_tile_unix_s{0};
};
/// `consuming`: the broker delivers tasks to it; `rests`: it takes none for now.
std::string worker_metrics(const std::string& worker_id, int slots, const WorkerCounts& counts,
                           bool consuming, bool rests);

}  // namespace tilecompile
