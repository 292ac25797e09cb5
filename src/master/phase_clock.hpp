#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "tilecompile/report/run_record.hpp"

namespace tilecompile {

/// Measures phases of a run one after the other: wall time and CPU seconds of this process.
class PhaseClock {
 public:
  /// Ends the current phase, if any, and gives back the memory that it freed.
  void start(const std::string& name);
  /// Ends the current phase, if any.
  void stop();
  const std::vector<PhaseCost>& phases() const { return phases_; }

 private:
  std::vector<PhaseCost> phases_;
  bool running_ = false;
  std::chrono::steady_clock::time_point began_;
  double cpu_began_ = 0;
};

}  // namespace tilecompile
