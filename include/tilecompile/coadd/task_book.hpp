#pragma once
#include <cstddef>
#include <list>
#include <map>
#include <string>
#include <vector>

namespace tilecompile {

/// The tasks of a round that were sent: which tiles they ask for, which are with workers, and for how long.
/// Workers do not say that they take a task, but the queue hands tasks out in order: when n tasks are not
/// answered and q of them wait on the queue, the oldest n - q are with workers ("leased"). All times are
/// seconds of any clock that the caller reads; this class has none.
class TaskBook {
 public:
  struct Task {
    std::string id;
    int attempt = 1;
    std::vector<int> tiles;     ///< not answered yet
    double due_s = 0;           ///< before, it is on the back-off ladder
    double leased_s = -1;       ///< with a worker since then, as far as was seen; negative: on the queue
    double heard_s = -1;        ///< latest answer of it
    int issued = 1;             ///< how often its tiles were sent without an answer, this time counted
    bool issued_again = false;  ///< as one of the last
  };
  /// When a task has been out for too long.
  struct Lease {
    double factor = 4;  ///< times the median time from the lease of a task to its last answer
    double floor_s = 30;
    double first_s = 150;  ///< while no task has been answered in full
  };

  /// A task that asks for `tile_id` was published; called for each of its tiles.
  void sent(const std::string& id, int attempt, int tile_id, double due_s, int issued);
  /// A task of an earlier start, whose answers still count.
  void remember(const std::string& id, int attempt, const std::vector<int>& tiles);
  /// Whether a task of this id asked for the tile, at this attempt.
  bool asked(const std::string& id, int attempt, int tile_id) const;
  bool known(const std::string& id) const { return known_.count(id) > 0; }
  /// An answer about a tile came in; `last`: it is the end of the tile's part in the task.
  void answered(const std::string& id, int tile_id, bool last, double now_s);
  /// What was seen on the queue: how many tasks wait, and how many consumers it has. Returns how many tasks
  /// are missing: more seem to be leased, in two looks in a row, than these consumers ever held at once.
  std::size_t look(std::size_t queued, std::size_t consumers, double now_s);
  /// Tasks that were leased for longer than `lease` allows, which doubles each time their tiles are issued
  /// again.
  std::vector<Task> overdue(const Lease& lease, double now_s) const;
  /// The newest `count` tasks of those that were not on the queue at the latest look: older ones may well be
  /// with workers.
  std::vector<Task> missing(std::size_t count) const;
  /// When nothing waits on the queue: the `most` leased tasks that were silent for longest, for longer than
  /// the median, twice that for one that was issued twice, and so on. Each task is told here once.
  std::vector<Task> last_ones(double now_s, std::size_t most);
  /// The task is not waited for any more; answers to it still count.
  void drop(const std::string& id);
  void drop_all();

  std::size_t under_way() const { return under_way_.size(); }
  double limit_s(const Lease& lease) const;

 private:
  struct Known {
    int attempt = 1;
    std::vector<int> tiles;  // ascending
  };
  std::list<Task>::iterator find(const std::string& id);
  void finish(std::list<Task>::iterator task, double now_s);
  double median_s() const;

  std::map<std::string, Known> known_;
  std::list<Task> under_way_;                               // in the order in which they come to the queue
  std::map<std::string, std::list<Task>::iterator> place_;  // of each of them, by id
  std::vector<double> durations_;                           // of the latest tasks, from lease to last answer
  std::size_t next_duration_ = 0;
  std::size_t capacity_ = 0, consumers_ = 0, queued_ = 0;  // what the consumers were seen to hold at most
  bool capacity_known_ = false;
  int suspicious_looks_ = 0;
};

}  // namespace tilecompile
