#pragma once
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

#include "tilecompile/operate/run_status.hpp"

namespace tilecompile {

/// What the logs of a run tell, taken line by line: of the latest start of the run, and of its present round.
class RunStory {
 public:
  explicit RunStory(int tiles = 0) : tiles_(tiles) {}
  /// A line of `file`, events.jsonl or journal.jsonl. `now_s`: when it was written, for lines that bear no
  /// time; 0: nobody knows.
  void take(const std::string& file, const nlohmann::json& line, double now_s = 0);
  /// The grid has come to be, with this many tiles.
  void set_tiles(int tiles) { tiles_ = tiles; }
  /// Fills in what the logs tell; `status.status` says whether the run is under way.
  void tell(RunStatus& status) const;

 private:
  void take_event(const nlohmann::json& e);
  void take_result(const nlohmann::json& r, double now_s);
  void note_worker(const std::string& event, const nlohmann::json& e, double time_s);

  int tiles_;
  int rounds_ = 0;  ///< rounds of tasks published since the latest start
  double round_began_s_ = -1;
  int taken_over_ = 0;            ///< in the present round
  std::set<int> failed_;          ///< in the present round, for the last time
  std::set<int> first_, second_;  ///< tiles of the journal
  RunStatus so_far_;              ///< counts and workers
};

}  // namespace tilecompile
