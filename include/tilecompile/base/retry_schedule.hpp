#pragma once
#include <string>
#include <vector>

namespace tilecompile {

/// How often and how late a task is tried again.
struct RetryPolicy {
  int max_attempts = 5;       ///< attempts at a tile, the first one counted
  double base_s = 2;          ///< before the second attempt
  double factor = 3;          ///< each further wait is this much longer
  double cap_s = 300;         ///< but never longer than this
  int max_worker_deaths = 3;  ///< workers that may die over a task before it is given up

  bool operator==(const RetryPolicy&) const = default;
};

/// Seconds to wait after attempt `attempt` (from 1) has failed: base * factor^(attempt-1) up to the cap,
/// times one of four steps from 0.79 to 1.21 derived from (task, attempt), rounded to whole seconds and never
/// above the cap. The same task and attempt give the same wait everywhere.
int retry_delay_s(const RetryPolicy& policy, const std::string& task, int attempt);

/// Every wait that retry_delay_s can give for attempts below max_attempts, ascending: the rungs of the
/// back-off ladder. Without 0: what does not wait needs no rung.
std::vector<int> retry_rungs(const RetryPolicy& policy);

}  // namespace tilecompile
