#pragma once
#include <condition_variable>
#include <mutex>

namespace tilecompile {

/// Holds the master between two answers: what is sent meanwhile is all there when it goes on, however slowly
/// it was sent. The master calls pass() before it takes an answer.
class Pause {
 public:
  void pass() {
    std::unique_lock<std::mutex> lock(mutex_);
    while (wanted_) {
      held_ = true;
      changed_.notify_all();
      changed_.wait(lock);
    }
    held_ = false;
  }
  /// Returns when the master is held.
  void begin() {
    std::unique_lock<std::mutex> lock(mutex_);
    wanted_ = true;
    changed_.wait(lock, [this] { return held_; });
  }
  void end() {
    const std::lock_guard<std::mutex> lock(mutex_);
    wanted_ = false;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false, held_ = false;
};

}  // namespace tilecompile
