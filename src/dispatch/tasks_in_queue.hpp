#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace tilecompile {

/// Tells when tasks have vanished from their queue (purged, dropped) long before silence would: the queue is
/// empty, and more tasks are under way than workers have ever held. Workers do not say how many they hold; it
/// is learned while tasks wait. Other runs on the same queue make it see too few in hand: the worst is that
/// tasks in hand are sent a second time, once.
class TasksInQueue {
 public:
  void sent(const std::string& correlation_id, std::size_t tiles) { under_way_[correlation_id] = tiles; }
  /// A tile of this task was answered; of an unknown task it is nothing.
  void answered(const std::string& correlation_id);
  void taken_back(const std::string& correlation_id) { under_way_.erase(correlation_id); }
  /// All are sent anew.
  void clear() { under_way_.clear(); }
  std::size_t under_way() const { return under_way_.size(); }

  /// A look at the queue; true when tasks have vanished, said at the second look in a row that finds them
  /// missing.
  bool vanished(std::uint64_t ready, std::uint64_t consumers);

 private:
  std::map<std::string, std::size_t> under_way_;  ///< tiles without an answer, by correlation id
  std::uint64_t most_held_each_ = 0;              ///< by a consumer; 0: not known yet
  std::uint64_t most_consumers_ = 0;
  int looks_missing_ = 0;
};

}  // namespace tilecompile
