#include "tilecompile/protocol/forwarding_transport.hpp"

#include <algorithm>
#include <chrono>

namespace tilecompile {

std::optional<Delivery> ForwardingTransport::receive(std::chrono::milliseconds timeout) {
  using Clock = std::chrono::steady_clock;
  using std::chrono::milliseconds;
  constexpr milliseconds kLongest = std::chrono::hours(24 * 365);  // farther away would overflow the clock
  const Clock::time_point deadline = Clock::now() + std::min(timeout, kLongest);
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
    auto delivery = inner_->receive(std::max(milliseconds(0), left));
    if (!delivery || !intercept(*delivery)) return delivery;
  }
}

}  // namespace tilecompile
