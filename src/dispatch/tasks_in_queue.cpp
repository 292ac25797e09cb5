#include "tasks_in_queue.hpp"

#include <algorithm>

namespace tilecompile {
namespace {

constexpr int kLooks = 2;

}  // namespace

void TasksInQueue::answered(const std::string& correlation_id) {
  const auto found = under_way_.find(correlation_id);
  if (found != under_way_.end() && --found->second == 0) under_way_.erase(found);
}

bool TasksInQueue::vanished(std::uint64_t ready, std::uint64_t consumers) {
  most_consumers_ = std::max(most_consumers_, consumers);
  const std::uint64_t held = under_way_.size() - std::min<std::uint64_t>(ready, under_way_.size());
  if (ready > 0 && consumers > 0)
    most_held_each_ = std::max(most_held_each_, (held + consumers - 1) / consumers);
  // A consumer that has gone may still work on what it took.
  const bool known = most_held_each_ > 0 || most_consumers_ == 0;
  const bool missing = ready == 0 && known && held > most_held_each_ * most_consumers_;
  looks_missing_ = missing ? looks_missing_ + 1 : 0;
  if (looks_missing_ < kLooks) return false;
  looks_missing_ = 0;
  // If that was an error, then not twice.
  if (most_consumers_ > 0) most_held_each_ = (held + most_consumers_ - 1) / most_consumers_;
  return true;
}

}  // namespace tilecompile
