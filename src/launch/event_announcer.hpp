#pragma once
#include <deque>
#include <future>
#include <string>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// Tells everyone who listens at the fan-out exchange what a run writes into its logs, line by line. Nobody
/// has to listen, and nothing waits for it: lines that the broker does not take quickly are dropped.
class EventAnnouncer {
 public:
  /// Declares the exchange. A user who may not declare it announces nothing.
  EventAnnouncer(Transport& transport, std::string run_id);

  /// `file`: events.jsonl or journal.jsonl, which `line` (without its end) was written to. One call at a
  /// time.
  void tell(const std::string& file, const std::string& line);

 private:
  void forget_confirmed();

  Transport& transport_;
  const std::string run_id_;
  bool silent_ = false;
  long told_ = 0;
  std::deque<std::future<void>> under_way_;
};

extern const char* const kFileHeader;  ///< of an announcement

}  // namespace tilecompile
