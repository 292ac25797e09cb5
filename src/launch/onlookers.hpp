#pragma once
#include <condition_variable>
#include <deque>
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
class Onlookers : public LogListener, public NightListener {
 public:
  /// `transport`: to the broker, whose queue tile.runs hears of the run every two seconds; null: none.
  /// `next` is told every line too; null: nobody. All outlive this object.
  Onlookers(const RunRequest& request, ObjectStore& store, Transport* transport, LogListener* next);
  ~Onlookers() override;
  Onlookers(const Onlookers&) = delete;
  Onlookers& operator=(const Onlookers&) = delete;

  void tell(const std::string& file, const std::string& line) override;
  void night_analysed(const Image& plain_mean, const Grid& grid) override;

 private:
  void leave_notes(Transport& transport);
  bool leave_note(Transport& transport);

  LogListener* const next_;
  std::optional<RunWatch> watch_;
  std::optional<LivePage> page_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::deque<std::future<void>> under_way_;
  std::thread notes_;
};

}  // namespace tilecompile
