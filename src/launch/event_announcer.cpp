#include "event_announcer.hpp"

#include <chrono>

#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostUnderWay = 64;

}  // namespace

const char* const kFileHeader = "x-tilecompile-file";

EventAnnouncer::EventAnnouncer(Transport& transport, std::string run_id)
    : transport_(transport), run_id_(std::move(run_id)) {
  try {
    transport_.declare_fanout(kEventExchange);
  } catch (const AccessRefused& refused) {
    silent_ = true;
    log_info(std::string("nobody can watch this run at the broker: ") + refused.what());
  }
}

void EventAnnouncer::tell(const std::string& file, const std::string& line) {
  forget_confirmed();
  if (silent_ || under_way_.size() >= kMostUnderWay) return;
  Message message;
  message.body = line;
  // Unlike that of any task: a message that comes back is known by its id.
  message.message_id = run_id_ + ":event:" + std::to_string(++told_);
  message.headers[kFileHeader] = file;
  try {
    under_way_.push_back(transport_.publish(kEventExchange, run_id_, std::move(message)));
  } catch (const Error& error) {
    log_debug(std::string("an event was not announced: ") + error.what());
  }
}

void EventAnnouncer::forget_confirmed() {
  using namespace std::chrono_literals;
  while (!under_way_.empty() && under_way_.front().wait_for(0s) == std::future_status::ready) {
    std::future<void> ready = std::move(under_way_.front());
    under_way_.pop_front();
    try {
      ready.get();
    } catch (const AccessRefused& refused) {
      silent_ = true;
      log_info(std::string("nobody can watch this run at the broker: ") + refused.what());
    } catch (const Error&) {
      continue;  // nobody listens, a listener is full, or the broker is away
    }
  }
}

}  // namespace tilecompile
