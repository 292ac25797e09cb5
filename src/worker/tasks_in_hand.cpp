#include "tasks_in_hand.hpp"

#include <algorithm>

namespace tilecompile {
namespace {

constexpr std::size_t kAnswersRemembered = 1024;  // more than a worker may hold unacknowledged

bool same(const DeliveryTag& a, const DeliveryTag& b) {
  return a.connection == b.connection && a.tag == b.tag;
}

}  // namespace

TasksInHand::Standing TasksInHand::take(const std::string& correlation_id, const Delivery& delivery) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (delivery.redelivered) {
    const auto held = std::find_if(held_.begin(), held_.end(),
                                   [&](const Entry& e) { return e.correlation_id == correlation_id; });
    if (held != held_.end()) {
      held->deliveries.push_back(delivery.tag);
      return Standing::kHeld;
    }
    const bool answered = std::find(answered_.begin(), answered_.end(), correlation_id) != answered_.end();
    return answered ? Standing::kAnswered : Standing::kForeign;
  }
  held_.push_back({correlation_id, {delivery.tag}});
  return Standing::kNew;
}

std::vector<DeliveryTag> TasksInHand::finish(const DeliveryTag& delivery, bool answered) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto entry = std::find_if(held_.begin(), held_.end(),
                                  [&](const Entry& e) { return same(e.deliveries.front(), delivery); });
  if (entry == held_.end()) return {delivery};
  std::vector<DeliveryTag> deliveries = std::move(entry->deliveries);
  if (answered) {
    answered_.push_back(std::move(entry->correlation_id));
    if (answered_.size() > kAnswersRemembered) answered_.pop_front();
  }
  held_.erase(entry);
  return deliveries;
}

}  // namespace tilecompile
