#include "metrics.hpp"

#include <prometheus/text_serializer.h>
#include <sys/resource.h>

#include <set>
#include <sstream>
#include <vector>

#include "tilecompile/base/version.hpp"
#include "tilecompile/config/load_config.hpp"

namespace tilecompile {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

const std::set<std::string> kEnds = {"running", "done", "failed_validation", "failed", "interrupted"};

/// Families in the order in which they are added.
class Families {
 public:
  void add(const char* name, const char* help, MetricType type, double value, Labels labels = {}) {
    if (all_.empty() || all_.back().name != name) all_.push_back({name, help, type, {}});
    ClientMetric metric;
    metric.label = std::move(labels);
    (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    all_.back().metric.push_back(std::move(metric));
  }
  void count(const char* name, const char* help, double value, Labels labels = {}) {
    add(name, help, MetricType::Counter, value, std::move(labels));
  }
  void gauge(const char* name, const char* help, double value, Labels labels = {}) {
    add(name, help, MetricType::Gauge, value, std::move(labels));
  }
  std::string text() const { return prometheus::TextSerializer().Serialize(all_); }

 private:
  std::vector<MetricFamily> all_;
};

double seconds_of(const timeval& t) {
  return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

void add_process(Families& f) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  f.gauge("tilecompile_build_info", "Version of the program; always 1", 1,
          {{"version", kProgramVersion}, {"numerics", kNumericsVersion}});
  f.count("process_cpu_seconds_total", "Processor time of this process",
          seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime));
  f.gauge("process_peak_resident_memory_bytes", "Most memory that this process has had",
          1024.0 * static_cast<double>(usage.ru_maxrss));
}

void add_workers(Families& f, const RunStatus& s) {
  for (const auto& [id, tiles] : s.workers)
    f.count("tilecompile_worker_tiles_total", "Tiles of a worker that were accepted", tiles,
            {{"worker_id", id}});
  for (const auto& [id, pace] : s.paces)
    f.count("tilecompile_worker_compute_seconds_total", "Time that the accepted tiles of a worker took",
            pace.compute_seconds, {{"worker_id", id}});
  for (const auto& [id, pace] : s.paces)
    if (pace.last_seen_s > 0)
      f.gauge("tilecompile_worker_last_seen_timestamp_seconds", "When the master last heard of a worker",
              pace.last_seen_s, {{"worker_id", id}});
  for (const auto& [id, trouble] : s.troubles)
    f.count("tilecompile_worker_failures_total", "Tries of a worker that failed", trouble.failures,
            {{"worker_id", id}});
  for (const auto& [id, trouble] : s.troubles)
    f.gauge("tilecompile_worker_rests", "1: the worker takes no tasks for now", trouble.rests.empty() ? 0 : 1,
            {{"worker_id", id}});
}

}  // namespace

const char* const kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

std::string run_metrics(const RunStatus& s) {
  Families f;
  f.gauge("tilecompile_run_info", "The run that this process carries out; always 1", 1,
          {{"run_id", s.run_id}, {"phase", s.phase}});
  for (const std::string& end : kEnds)
    f.gauge("tilecompile_run_status", "1 for the status of the run", s.status == end ? 1 : 0,
            {{"status", end}});
  f.gauge("tilecompile_run_standing_still", "1: the run does not go on by itself", s.state.empty() ? 0 : 1,
          {{"state", s.state.empty() ? "none" : s.state}});
  f.gauge("tilecompile_round", "Round of tiles: 1 the reconstruction, 2 the synthetic frames",
          s.second_round ? 2 : 1);
  f.gauge("tilecompile_tiles", "Tiles of the grid; 0 before there is one", s.tiles);
  f.gauge("tilecompile_tiles_done", "Tiles of the present round that are done", s.done);
  f.gauge("tilecompile_tiles_failed", "Tiles of the present round that have failed for good", s.failed);
  f.count("tilecompile_dead_letters_total", "Tiles given up, all rounds", s.dead_letters);
  f.count("tilecompile_retries_total", "Tries of tiles that failed and are made again", s.retried);
  f.count("tilecompile_tiles_handed_back_total", "Tiles that came back untried", s.handed_back);
  f.count("tilecompile_tiles_lost_total", "Tiles whose tasks were lost and sent again", s.lost);
  if (s.eta_s >= 0) f.gauge("tilecompile_eta_seconds", "Until the tiles of this round are done", s.eta_s);
  add_workers(f, s);
  add_process(f);
  return f.text();
}

std::string worker_metrics(const std::string& worker_id, int slots, const WorkerCounts& counts,
                           bool consuming, bool rests) {
  Families f;
  f.gauge("tilecompile_worker_info", "This worker; always 1", 1, {{"worker_id", worker_id}});
  f.gauge("tilecompile_worker_slots", "Tiles that it computes at a time", slots);
  f.gauge("tilecompile_worker_consuming", "1: the broker delivers tasks to it", consuming ? 1 : 0);
  f.gauge("tilecompile_worker_resting", "1: it takes no tasks for now", rests ? 1 : 0);
  f.count("tilecompile_worker_answers_total", "Tiles that it computed", static_cast<double>(counts.tiles),
          {{"outcome", "done"}});
  f.count("tilecompile_worker_answers_total", "", static_cast<double>(counts.failures),
          {{"outcome", "failed"}});
  f.count("tilecompile_worker_answers_total", "", static_cast<double>(counts.handed_back),
          {{"outcome", "handed_back"}});
  f.count("tilecompile_worker_busy_seconds_total", "Time that its tiles took, summed over slots",
          counts.compute_seconds);
  if (counts.last_tile_unix_s > 0)
    f.gauge("tilecompile_worker_last_tile_timestamp_seconds", "When it last answered for a tile",
            counts.last_tile_unix_s);
  add_process(f);
  return f.text();
}

}  // namespace tilecompile
