#include "fitness.hpp"

#include <utility>

namespace tilecompile {

bool Fitness::note(const TileTask& task, const std::string& reply_to, const ResultMessage& result) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!result.failure) {
    proven_ = true;
    failures_ = 0;
    return std::exchange(rests_, 0) > 0;
  }
  // What it does not serve says nothing of what it does.
  if (of_calibration(task.work) && result.failure->kind == ErrorKind::kUsage) return false;
  ++failures_;
  if (unfit_ || (proven_ && failures_ < kFailuresInARow)) return false;
  trouble_ = {task, reply_to, result.failure->text};
  unfit_ = true;
  return false;
}

Fitness::Trouble Fitness::trouble() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return trouble_;
}

int Fitness::rests_in_a_row() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return rests_;
}

void Fitness::try_again() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++rests_;
  failures_ = 0;
  proven_ = false;
  unfit_ = false;
}

}  // namespace tilecompile
