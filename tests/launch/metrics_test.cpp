#include "launch/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilecompile {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, ARunIsToldInPrometheusText) {
  RunStatus s;
  s.run_id = "run-1";
  s.status = "running";
  s.phase = "reconstruct tiles";
  s.tiles = 500;
  s.done = 48;
  s.dead_letters = 2;
  s.workers = {{"barn-1", 40}, {"a\"b\\c", 8}};
  s.paces["barn-1"] = {20.5, 1000};
  s.troubles["barn-1"].rests = "disk full";
  const std::string text = run_metrics(s);
  for (const char* line :
       {"# TYPE tilecompile_tiles_done gauge\ntilecompile_tiles_done 48\n",
        "# TYPE tilecompile_dead_letters_total counter\ntilecompile_dead_letters_total 2\n",
        "tilecompile_worker_tiles_total{worker_id=\"barn-1\"} 40\n",
        "tilecompile_worker_tiles_total{worker_id=\"a\\\"b\\\\c\"} 8\n",
        "tilecompile_worker_last_seen_timestamp_seconds{worker_id=\"barn-1\"} 1000\n",
        "tilecompile_worker_rests{worker_id=\"barn-1\"} 1\n",
        "tilecompile_run_status{status=\"running\"} 1\n", "process_cpu_seconds_total "})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("tile_id")));
  EXPECT_THAT(text, Not(HasSubstr("eta_seconds"))) << "nothing can be said";
}

TEST(Metrics, AWorkerCountsItsAnswers) {
  WorkerCounts counts;
  counts.tiles = 7;
  counts.failures = 2;
  counts.compute_seconds = 3.5;
  const std::string text = worker_metrics("barn-1", 4, counts, true, false);
  for (const char* line :
       {"tilecompile_worker_answers_total{outcome=\"done\"} 7\n", "{outcome=\"failed\"} 2\n",
        "tilecompile_worker_busy_seconds_total 3.5\n", "tilecompile_worker_consuming 1\n",
        "tilecompile_worker_resting 0\n", "tilecompile_worker_slots 4\n"})
    EXPECT_THAT(text, HasSubstr(line));
  EXPECT_THAT(text, Not(HasSubstr("last_tile"))) << "there was none";
}

}  // namespace
}  // namespace tilecompile
