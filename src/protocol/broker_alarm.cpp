#include "tilecompile/protocol/broker_alarm.hpp"

#include <chrono>

#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
constexpr auto kAnswerWithin = 2s;
constexpr auto kLook = 20ms;
// The broker reads the first message after an alarm, and says that it is the last.
constexpr int kMessages = 2;
constexpr const char* kNobody = "tile.nobody";  // no queue has this name

}  // namespace

std::string find_alarm(Transport& transport) {
  const auto until = Clock::now() + kAnswerWithin;
  for (int i = 0; i < kMessages; ++i) {
    const auto confirm = transport.publish(kTaskExchange, kNobody, {});
    // Returned or refused: that is an answer.
    while (confirm.wait_for(kLook) != std::future_status::ready)
      if (!transport.blocked().empty() || Clock::now() > until) return transport.blocked();
  }
  return transport.blocked();
}

void await_confirm(const Transport& transport, std::future<void> confirm) {
  while (confirm.wait_for(kLook) != std::future_status::ready)
    if (const std::string alarm = transport.blocked(); !alarm.empty())
      throw TransientError("nothing can be sent: the broker " + alarm);
  confirm.get();
}

}  // namespace tilecompile
