#pragma once
#include <chrono>
#include <mutex>
#include <string>

#include "tilecompile/base/observer.hpp"

namespace tilecompile {

/// Progress of one phase on stderr: a bar with rate and ETA on a terminal, a plain line now and then
/// otherwise. Safe from several threads. NO_COLOR is honoured; quiet shows nothing.
class Progress : public Observer {
 public:
  Progress(std::string phase, std::string unit, int total, bool quiet);
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void progress(int done) override;

 private:
  using Clock = std::chrono::steady_clock;
  void show(bool last);

  std::string phase_, unit_;
  int total_, done_ = 0;
  bool quiet_, terminal_;
  Clock::time_point began_, shown_;
  std::mutex mutex_;
};

}  // namespace tilecompile
