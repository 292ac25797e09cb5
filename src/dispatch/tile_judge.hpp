#pragma once
#include <functional>
#include <set>
#include <string>

#include "tilecompile/coadd/second_audits.hpp"
#include "tilecompile/dispatch/dispatch.hpp"

namespace tilecompile {

/// Settles what workers say by the computation of others: audits tiles, by another worker where there is one
/// that can be believed, and by the master itself. The master's own computation decides between results that
/// contradict each other, computes tiles of which workers gave nothing that holds, and names the workers that
/// were wrong. Such a worker is asked no more, and its tiles of the round are computed again.
class TileJudge {
 public:
  /// `give_up`: what to do with a tile that the master cannot compute either. `journal`: writes down a result
  /// of the master's own, and waits for a folder that takes nothing for now. `ask_another`: hands a tile to a
  /// worker.
  TileJudge(const TileRound& round, const RoundPlace& place, RoundObserver& observer, TileLedger& ledger,
            TrustBook& workers, std::function<void(const ResultMessage&)> give_up,
            std::function<void(const std::string&)> journal, SecondAudits::Publish ask_another)
      : round_(round),
        place_(place),
        observer_(observer),
        ledger_(ledger),
        trust_(workers),
        give_up_(std::move(give_up)),
        journal_(std::move(journal)),
        seconds_(ledger, workers, std::move(ask_another)) {}

  /// Whether the master can compute itself; without, none of the rest does anything.
  bool present() const { return place_.own != nullptr; }
  /// Whether the master computes something that `look` waits for.
  bool computes() const { return !asked_.empty(); }
  /// A result was accepted: the master audits it when it is the `first` of its worker in the round, or `odd`
  /// says what is odd about it; a tile that was chosen, and the first band of rows, is audited by another
  /// worker, or by the master where there is none.
  void accepted(const ResultMessage& result, bool first, const std::string& odd, double now_s);
  /// Takes the answer of a worker that audits; false when the result is none.
  bool take_audit(const ResultMessage& result, double now_s);
  /// The master takes over audits that wait for longer than `limit_s`.
  void look_at_audits(double now_s, double limit_s);
  /// A result contradicts the accepted one of its tile.
  void contradicted(const ResultMessage& rival);
  /// The master computes a pending tile itself.
  void take_over(int tile_id, const std::string& why);
  /// The master makes all that is pending itself; said once.
  void take_over_all(const std::string& why);
  /// The worker was wrong: names it, and opens its tiles again.
  void convict(const std::string& worker_id, const std::string& why);
  /// Takes what the master has computed. Throws ContractError when its own computation contradicts itself.
  void look();

 private:
  std::string round_name() const;
  std::string item_name(int id) const;
  bool chosen(int tile_id) const;
  void ask(int tile_id, bool afresh);
  void found_right(int tile_id, const std::string& worker_id, const std::string& by);
  void weigh(const OwnTile& own);
  void take_own(const OwnTile& own);
  void could_not(const OwnTile& own);
  [[noreturn]] void alarm(const ResultMessage& own) const;

  const TileRound& round_;
  const RoundPlace& place_;
  RoundObserver& observer_;
  TileLedger& ledger_;
  TrustBook& trust_;
  const std::function<void(const ResultMessage&)> give_up_;
  const std::function<void(const std::string&)> journal_;
  SecondAudits seconds_;
  std::set<std::string>
      asked_;             ///< tasks for the master itself; answers of an earlier round are none of them
  std::set<int> proven_;  ///< tiles whose accepted result the master's own computation has confirmed
  std::set<int> failed_;  ///< tiles that it could not compute
};

}  // namespace tilecompile
