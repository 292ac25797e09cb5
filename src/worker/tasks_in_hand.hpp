#pragma once
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// What a worker computes and what it has lately answered. It tells a task that comes again because the
/// connection was lost from one that another worker had. Safe from several threads.
class TasksInHand {
 public:
  enum class Standing {
    kNew,       ///< to be computed
    kHeld,      ///< this worker computes it now: the delivery ends with that
    kAnswered,  ///< this worker has answered it: only its acknowledgement was lost
    kForeign    ///< another worker had it, or this one and never began
  };

  /// Judges a delivery; a kNew one is in hand from now on.
  Standing take(const std::string& correlation_id, const Delivery& delivery);
  /// All deliveries of the task that came as `delivery`, which are to end now. `answered`: remember it.
  std::vector<DeliveryTag> finish(const DeliveryTag& delivery, bool answered);

 private:
  struct Entry {
    std::string correlation_id;
    std::vector<DeliveryTag> deliveries;  ///< the first one began it
  };
  std::mutex mutex_;
  std::list<Entry> held_;
  std::deque<std::string> answered_;
};

}  // namespace tilecompile
