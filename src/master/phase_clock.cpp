#include "phase_clock.hpp"

#include <sys/resource.h>

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
  phases_.push_back({name, 0, 0});
  running_ = true;
  began_ = std::chrono::steady_clock::now();
  cpu_began_ = cpu_seconds();
}

void PhaseClock::stop() {
  if (!running_) return;
  phases_.back().seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  phases_.back().cpu_seconds = cpu_seconds() - cpu_began_;
  running_ = false;
}

}  // namespace tilecompile
