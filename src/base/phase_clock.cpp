#include "tilecompile/base/phase_clock.hpp"

#include <sys/resource.h>

#include <algorithm>

#include "tilecompile/base/process_usage.hpp"

namespace tilecompile {
namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

}  // namespace

void PhaseClock::start(const std::string& name) {
  stop();
  give_back_freed_memory();
  const auto known = std::find_if(phases_.begin(), phases_.end(),
                                  [&](const PhaseCost& phase) { return phase.name == name; });
  running_ = static_cast<std::size_t>(known - phases_.begin());
  if (known == phases_.end()) phases_.push_back({name, 0, 0});
  began_ = std::chrono::steady_clock::now();
  cpu_began_ = cpu_seconds();
}

void PhaseClock::stop() {
  if (!running_) return;
  PhaseCost& phase = phases_[*running_];
  phase.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  phase.cpu_seconds += cpu_seconds() - cpu_began_;
  running_.reset();
}

}  // namespace tilecompile
