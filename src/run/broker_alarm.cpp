#include "tilecompile/run/broker_alarm.hpp"

#include <chrono>

#include "tilecompile/base/log.hpp"
#include "tilecompile/run/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
constexpr auto kAnswerWithin = 2s;
constexpr auto kLook = 20ms;
constexpr const char* kNobody = "tile.nobody";  // no queue has this name

}  // namespace

std::string find_alarm(Transport& transport) {
  const auto confirm = transport.publish(kTaskExchange, kNobody, {});
  const auto until = Clock::now() + kAnswerWithin;
  while (transport.blocked().empty() && Clock::now() < until)
    if (confirm.wait_for(kLook) == std::future_status::ready) return "";  // returned, refused: it answers
  return transport.blocked();
}

void warn_of_alarm(Transport& transport) {
  if (const std::string alarm = find_alarm(transport); !alarm.empty())
    log_warning("tasks and results cannot be sent for now: the broker " + alarm);
}

void await_confirm(const Transport& transport, std::future<void> confirm) {
  while (confirm.wait_for(kLook) != std::future_status::ready)
    if (const std::string alarm = transport.blocked(); !alarm.empty())
      throw TransientError("nothing can be sent: the broker " + alarm);
  confirm.get();
}

}  // namespace tilecompile
