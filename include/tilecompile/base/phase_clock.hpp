#pragma once
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace tilecompile {

/// Time a phase took.
struct PhaseCost {
  std::string name;
  double seconds = 0, cpu_seconds = 0;
};

/// Measures phases of a run one after the other: wall time and CPU seconds of this process.
class PhaseClock {
 public:
  /// Ends the current phase, if any, and gives back the memory that it freed. A phase that comes again adds
  /// to what it took before.
  void start(const std::string& name);
  /// Ends the current phase, if any.
  void stop();
  const std::vector<PhaseCost>& phases() const { return phases_; }

 private:
  std::vector<PhaseCost> phases_;
  std::optional<std::size_t> running_;
  std::chrono::steady_clock::time_point began_;
  double cpu_began_ = 0;
};

}  // namespace tilecompile
