#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/base/retry_schedule.hpp"
#include "tilecompile/coadd/task_book.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// Everything the master knows of the tiles of one round: the truth about what is done and what is to be done
/// next, not the queues. It decides and does nothing else: no message, no file, no clock.
class TileLedger {
 public:
  enum class Verdict {
    kAccepted,   ///< first result of the tile
    kDuplicate,  ///< the same result again: silence
    kConflict,   ///< another checksum for a tile that is done: determinism is broken
    kForeign     ///< of another run, or of a tile that was never asked
  };
  enum class Phase {
    kOpen,     ///< no task asks for it: the next one that is sent does
    kSent,     ///< a task asks for it, on tile.compute or with a worker
    kWaiting,  ///< a task asks for it, from the back-off ladder on
    kOwn,      ///< the master computes it itself
    kDone,
    kFailed,   ///< for good; a later result still counts
    kNotAsked  ///< not wanted in this round
  };
  /// What an answer without data means for its tile.
  enum class Step {
    kNothing,    ///< it answers a task that does not count any more
    kSendAgain,  ///< the tile is open again, with `wait_s` and `care` for its next task
    kGiveUp      ///< the tile is to fail for good
  };
  struct Tile {
    Phase phase = Phase::kOpen;
    int attempt = 1;  ///< of the task that asks for it, or of the next one
    int wait_s = 0;   ///< of the next task, on the back-off ladder
    TaskCare care = TaskCare::kNone;
    std::string task;                 ///< correlation id of the one task whose answers count
    std::uint64_t connection = 0;     ///< of the master to the broker, when the task was sent or begun
    std::string holder;               ///< who announced to begin it, "<worker_id> at <time>"; empty: nobody
    std::vector<std::string> deaths;  ///< holders that died over it
    int handed_back = 0;              ///< times in a row that it came back untried
    std::vector<std::string> failed_on;  ///< proven workers that failed over it, each once
    int refusals = 0;                    ///< times that a proven worker said that its input is wrong
    int failures_alone = 0;              ///< failures since any tile of the round was done
    int done_then = 0;                   ///< tiles of the round that were done then
    int refused = 0;                     ///< results of it that were not what was asked for
    int issued = 0;                      ///< tasks in a row that brought no answer about it
    ResultMessage result;                ///< when done
    bool audited = false;                ///< the master is to compute it too, and the two are compared
    std::vector<ResultMessage> rivals;   ///< results that are suspected beside `result`: they contradict it
    std::optional<ResultMessage> own;    ///< the master's first computation, when it agreed with nobody
  };
  /// What the master's own computation of a suspected tile means.
  struct Finding {
    bool compute_again = false;        ///< it agrees with nobody: once more, to be sure of it
    bool alarm = false;                ///< it does not even agree with itself
    bool replace = false;              ///< the accepted result was wrong: the own one takes its place
    std::vector<std::string> liars{};  ///< workers whose results were wrong
  };

  /// Tries at what is said to be no transient failure: the worker may be wrong, not the tile.
  static constexpr int kInputTries = 2;
  TileLedger(std::string run_id, int tile_count, const RetryPolicy& policy = {},
             int input_tries = kInputTries);

  /// Judges a result that carries data and notes it when accepted.
  Verdict offer(const ResultMessage& result);
  /// The tile is not wanted in this round.
  void leave_out(int tile_id);
  /// A task that asks for the open tile was published over `connection`.
  void sent(int tile_id, const std::string& task, std::uint64_t connection, double now_s = 0);
  /// The worker that has the tile's task begins it: `who` is "<worker_id> at <time>".
  void begun(const ResultMessage& announcement, const std::string& who, std::uint64_t connection);
  /// A try has failed. The tile is given up when max_attempts different workers have failed over it, when it
  /// was said `input_tries` times that its input is wrong, and when it has failed max_attempts times since
  /// any tile of the round was done. So one bad worker uses up one attempt of a tile, and a run of that
  /// worker alone ends all the same. Only `proven` workers, which have had a tile accepted, are believed in
  /// the first two. An impossible state is given up at once.
  Step failed(const ResultMessage& failure, bool proven = true);
  /// A tile came back untried, which counts as no attempt; the fourth time in a row it has to wait. The
  /// worker that had begun a redelivered tile has died, unless our own connection was lost meanwhile: then
  /// the broker took the tasks from everyone. Its tile is computed alone from then on, and given up after
  /// max_worker_deaths. Redelivered tiles of which nobody knows who had them are announced.
  Step handed_back(const ResultMessage& result, std::uint64_t connection);
  /// Notes that a tile without a result has failed for good.
  void fail(int tile_id);
  /// The tile's task did not reach its queue: it is open again.
  void reopen(int tile_id, const std::string& task);
  /// The tasks of all tiles were lost.
  void reopen_all();
  /// A task has brought nothing for too long: its tiles are open again. Answers to it still count. Returns
  /// the tiles that are open now.
  std::vector<int> reissue(const TaskBook::Task& task);

  /// Whether the result answers a task that asked for this tile, at the attempt it gave.
  bool asked(const ResultMessage& result) const {
    return tasks_.asked(result.correlation_id, result.attempt, result.tile_id);
  }
  /// A result of the pending tile was not what was asked for: the tile is open again when its task was
  /// answered by that. Returns how often that happened to the tile.
  int refuse(const ResultMessage& result);
  /// The master computes the pending tile itself; answers of workers still count.
  void take_over(int tile_id);
  /// It could not: the tile is open again.
  void release(int tile_id);
  /// The done tile is to be compared with the master's own computation.
  void audit(int tile_id);
  /// A result that contradicts the accepted one of the done tile, which is audited for it.
  void suspect(const ResultMessage& rival);
  /// Compares with the master's own computation and ends the audit, unless it is to be done again.
  Finding judge(const ResultMessage& own);
  /// The master could not compute it: what was accepted stays.
  void end_audit(int tile_id);
  /// The own result takes the place of the accepted one.
  void replace(const ResultMessage& own) { at(own.tile_id).result = own; }
  /// The accepted result is not believed any more: the tile is open again.
  void revoke(int tile_id);
  TaskBook& tasks() { return tasks_; }

  /// Nothing is left to wait for.
  bool complete() const { return done_ + failed_ + not_asked_ == tile_count() && audits_ == 0; }
  bool any_open() const { return open_ > 0; }
  int done() const { return done_; }
  int failed() const { return failed_; }
  int not_asked() const { return not_asked_; }
  int tile_count() const { return static_cast<int>(tiles_.size()); }
  const Tile& tile(int tile_id) const { return tiles_[static_cast<std::size_t>(tile_id)]; }
  bool is_done(int tile_id) const { return tile(tile_id).phase == Phase::kDone; }
  bool is_failed(int tile_id) const { return tile(tile_id).phase == Phase::kFailed; }
  bool is_open(int tile_id) const { return tile(tile_id).phase == Phase::kOpen; }
  /// Not done, not failed, and wanted.
  bool is_pending(int tile_id) const;
  /// Has no result and gets none any more.
  bool is_missing(int tile_id) const { return !is_done(tile_id) && !is_pending(tile_id); }
  /// Every tile that was asked for has failed.
  bool all_failed() const { return failed_ > 0 && failed_ + not_asked_ == tile_count(); }

 private:
  Tile& at(int tile_id) { return tiles_[static_cast<std::size_t>(tile_id)]; }
  void move(Tile& tile, Phase to);
  bool answers_our_task(const ResultMessage& answer) const;
  Step again(Tile& tile, int wait_s);
  int wait_after(const Tile& tile, int attempt) const;
  void end_audit(Tile& tile);

  std::string run_id_;
  RetryPolicy policy_;
  int input_tries_;
  std::vector<Tile> tiles_;
  TaskBook tasks_;
  int open_ = 0, done_ = 0, failed_ = 0, not_asked_ = 0, audits_ = 0;
};

/// Whether two results of a tile say the same of its object and figures, whoever computed it.
bool same_data(const ResultMessage& a, const ResultMessage& b);

}  // namespace tilecompile
