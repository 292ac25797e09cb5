#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "live_page.hpp"
#include "run_watch.hpp"
#include "tilecompile/master/master.hpp"

namespace tilecompile {

/// Those who look at a run: in a browser, where observability.listen says so, and at the broker.
class Onlookers {
 public:
  /// `transport`: to the broker, whose queue tile.runs hears of the run every two seconds; null: none. Both
  /// outlive this object.
  Onlookers(const RunRequest& request, ObjectStore& store, Transport* transport);
  ~Onlookers();
  Onlookers(const Onlookers&) = delete;
  Onlookers& operator=(const Onlookers&) = delete;

  /// A line that the run wrote to a log.
  void tell(const std::string& file, const std::string& line);
  /// For RunLinks::night_analysed; empty when there is no page.
  std::function<void(const Image&, const Grid&)> night_analysed();

 private:
  void leave_notes(Transport& transport);
  bool leave_note(Transport& transport);

  std::optional<RunWatch> watch_;
  std::optional<LivePage> page_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::deque<std::future<void>> under_way_;
  std::thread notes_;
};

}  // namespace tilecompile
