#pragma once
#include <algorithm>
#include <chrono>
#include <random>

namespace tilecompile {

/// Waiting times that double up to a limit, each scattered by half so that parties thrown out together do not
/// come back together.
class Backoff {
 public:
  std::chrono::milliseconds next() {
    const double wait_ms = base_ms_ * std::uniform_real_distribution<double>(0.5, 1.5)(random_);
    base_ms_ = std::min(base_ms_ * 2, kLimitMs);
    return std::chrono::milliseconds(static_cast<int>(wait_ms));
  }
  void reset() { base_ms_ = kFirstMs; }

 private:
  static constexpr double kFirstMs = 100;
  static constexpr double kLimitMs = 3000;
  double base_ms_ = kFirstMs;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace tilecompile
