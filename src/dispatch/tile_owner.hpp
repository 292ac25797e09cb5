#pragma once
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "note_reader.hpp"
#include "standstill.hpp"
#include "task_sender.hpp"
#include "tile_judge.hpp"
#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/dispatch/dispatch.hpp"
#include "tilecompile/protocol/letter_reader.hpp"

namespace tilecompile {

/// The one owner of the tiles of a round: only it and its judge change the ledger, as answers of workers
/// demand. It writes down what it accepts (journal), what happens (events) and what it gives up (tile.dlq).
class TileOwner {
 public:
  TileOwner(const TileRound& round, const RoundPlace& place, RoundObserver& observer,
            const std::string& reply_to);

  const TileLedger& ledger() const { return ledger_; }
  /// Leaves out what is not asked for, takes over what the journal holds, and publishes all other tiles.
  void begin();
  /// True for what is no answer and is not to be acknowledged: a note of a worker, a dead letter.
  bool keeps(const Delivery& delivery) { return notes_.take(delivery) || letters_.take(delivery); }
  /// Takes messages of the results queue, one after the other; what each of them says is decoded and checked
  /// side by side before. When it returns they may be acknowledged. Throws what dispatch_tiles throws.
  void take(std::vector<Delivery> answers);
  /// How many messages are best taken together: more would hold too much memory.
  std::size_t most_together() const;
  /// Called now and then: publishes tiles that are open again, and those whose tasks were lost; says when the
  /// round stands still, and why. Throws the latest failure when nobody is left to try anything.
  void look_after();
  /// Whether `look_after` has something to do, or will have when the master has computed a tile.
  bool is_due_soon() const { return ledger_.any_open() || judge_.computes(); }
  /// Called when all tiles are done or given up.
  void end() { standstill_.end(); }

 private:
  /// An answer, and what can be said of it without any other one.
  struct Arrival {
    Delivery answer;
    ResultMessage result;
    std::string no_result;         ///< why it is none
    std::optional<TileFile> file;  ///< of a tile that is wanted
    KeepPiece keep{};              ///< of a frame or band instead
    std::exception_ptr failure;    ///< of loading it
    std::string odd;
  };
  void look_at(Arrival& arrival) const;
  void load(Arrival& arrival) const;
  void take(Arrival& arrival);
  void flush();
  void accept(Arrival& arrival);
  const ResultMessage* journalled_before(int tile_id) const;
  /// Of a clock that only goes forward.
  static double seconds_now();
  void publish_open();
  void watch_progress();
  bool take_letter(const Message& letter);
  void do_without(const std::string& worker_id, const std::string& why);
  void give_up_the_rest(const ResultMessage& last);
  void journal(const std::string& lines);
  void reject(const ResultMessage& result, const std::string& why);
  void look_at_leases();
  void send_again(const std::vector<TaskBook::Task>& tasks, const std::string& why, bool alone);
  bool concerns_us(const ResultMessage& result);
  bool answers_task_under_way(const ResultMessage& result) const;
  bool is_meant(const ResultMessage& result, const Delivery& answer);
  void ignore(const ResultMessage& result, const std::string& why);
  void take_answer(Arrival& arrival);
  void take_from_distrusted(const ResultMessage& result);
  void refuse(const ResultMessage& result, const std::string& why);
  void take_tile(Arrival& arrival);
  void take_failure(const ResultMessage& result);
  void take_hand_back(const ResultMessage& result);
  void check_conflict(const ResultMessage& known, const ResultMessage& result);
  bool of_frames() const { return tilecompile::of_frames(round_.task_template.work); }
  std::string event_name(const std::string& what) const;
  void note(const char* event, const ResultMessage& result);
  void give_up(const ResultMessage& result);
  void put_on_dead_letters(const ResultMessage& result);
  TaskEnvelope envelope_of(int tile_id) const;
  std::string send_to_another(int tile_id, const std::vector<std::string>& not_by);

  const TileRound& round_;
  const RoundPlace& place_;
  RoundObserver& observer_;
  const std::string reply_to_;
  TileLedger ledger_;
  TrustBook own_trust_;
  TrustBook& trust_;
  TileJudge judge_;
  TaskSender sender_;
  WorkerBook own_book_;
  WorkerBook& book_;
  NoteReader notes_;
  LetterReader letters_;
  Standstill standstill_;
  std::chrono::steady_clock::time_point last_look_{};
  bool heard_ = false;                                  ///< an answer since the latest look
  std::chrono::steady_clock::time_point hold_until_{};  ///< for a broker that refused tasks
  std::vector<Arrival> group_;    ///< tiles that are taken, and accepted once they are in the journal
  std::set<std::string> met_;     ///< workers that have had a tile of this round accepted
  std::uint64_t connection_ = 0;  ///< to the broker, as the latest answer came
};

}  // namespace tilecompile
