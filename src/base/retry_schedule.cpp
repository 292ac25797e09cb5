#include "tilecompile/base/retry_schedule.hpp"

#include <algorithm>
#include <set>

#include "tilecompile/base/sha256.hpp"

namespace tilecompile {
namespace {

// Tasks that failed together must not come back together; few steps, because each is a queue.
constexpr double kJitter[] = {0.79, 0.93, 1.07, 1.21};

double plain_delay_s(const RetryPolicy& policy, int attempt) {
  double delay = policy.base_s;
  for (int i = 1; i < attempt && delay < policy.cap_s; ++i) delay *= policy.factor;
  return std::min(delay, policy.cap_s);
}

int rung_s(const RetryPolicy& policy, int attempt, double jitter) {
  return static_cast<int>(std::min(plain_delay_s(policy, attempt) * jitter, policy.cap_s) + 0.5);
}

}  // namespace

int retry_delay_s(const RetryPolicy& policy, const std::string& task, int attempt) {
  const auto step = sha256_prefix32(task + ":" + std::to_string(attempt)) % std::size(kJitter);
  return rung_s(policy, attempt, kJitter[step]);
}

std::vector<int> retry_rungs(const RetryPolicy& policy) {
  std::set<int> rungs;
  for (int attempt = 1; attempt < policy.max_attempts; ++attempt)
    for (const double jitter : kJitter) rungs.insert(rung_s(policy, attempt, jitter));
  rungs.erase(0);
  return {rungs.begin(), rungs.end()};
}

}  // namespace tilecompile
