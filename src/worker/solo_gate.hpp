#pragma once
#include <condition_variable>
#include <mutex>

namespace tilecompile {

/// Lets tasks in side by side, and one that is to be alone only when no other is inside. Only the process
/// that computes can do this: when it dies then, it is plain over which tile, and a tile that lacks memory
/// beside others may have enough of it alone.
class SoloGate {
 public:
  /// A place inside, until the end of its life.
  class Pass {
   public:
    Pass(SoloGate& gate, bool alone) : gate_(gate) { gate_.enter(alone); }
    ~Pass() { gate_.leave(); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    SoloGate& gate_;
  };

 private:
  void enter(bool alone) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (alone) ++waiting_alone_;
    changed_.wait(lock, [&] { return !alone_ && (alone ? inside_ == 0 : waiting_alone_ == 0); });
    if (alone) --waiting_alone_;
    alone_ = alone;
    ++inside_;
  }
  void leave() {
    const std::lock_guard<std::mutex> lock(mutex_);
    --inside_;
    alone_ = false;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0, waiting_alone_ = 0;
  bool alone_ = false;
};

}  // namespace tilecompile
