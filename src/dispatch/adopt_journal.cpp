#include "adopt_journal.hpp"

#include "tile_check.hpp"
#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

// Why the tile has to be computed again; empty when it was taken over.
std::string adopt(const TileRound& round, const RoundPlace& place, const ResultMessage& entry,
                  RoundObserver& observer, TileLedger& ledger, const TrustBook& workers) {
  if (entry.data_checksum.empty()) return "the journal has no result of it";
  if (workers.is_distrusted(entry.worker_id)) return "worker " + entry.worker_id + " gave wrong tiles";
  LoadedResult loaded;
  try {
    loaded = load_result(round, place.store, entry);
  } catch (const Error& e) {
    if (e.kind() != ErrorKind::kInput && e.kind() != ErrorKind::kTransient) throw;
    return e.what();
  }
  ledger.offer(entry);
  if (loaded.keep) loaded.keep();
  observer.accept(entry, std::move(loaded.file));
  return "";
}

}  // namespace

void adopt_journal(const TileRound& round, const RoundPlace& place, RoundObserver& observer,
                   TileLedger& ledger, const TrustBook& workers) {
  int silent = 0, not_held = 0;
  for (int id = 0; id < ledger.tile_count(); ++id) {
    if (!ledger.is_open(id)) continue;
    observer.check_stop();
    const ResultMessage& entry = (*round.journalled)[static_cast<std::size_t>(id)];
    const std::string why = adopt(round, place, entry, observer, ledger, workers);
    if (why.empty()) continue;
    if (of_frames(round.task_template.work) && entry.data_checksum.empty()) continue;
    ++(entry.data_checksum.empty() ? silent : not_held);
    place.directory.append_event("tile_redone", {{"tile_id", std::to_string(id)}, {"why", why}});
    if (!entry.data_checksum.empty())
      log_warning("tile " + std::to_string(id) + " is computed again: " + why);
  }
  if (of_frames(round.task_template.work)) return observer.progress(ledger.done());
  log_info("tiles taken over from the journal", {{"tiles", std::to_string(ledger.done())},
                                                 {"without_result", std::to_string(silent)},
                                                 {"not_as_journalled", std::to_string(not_held)}});
  place.directory.append_event("tiles_taken_over", {{"tiles", std::to_string(ledger.done())}});
  observer.taken_over(ledger.done());
  observer.progress(ledger.done());
}

}  // namespace tilecompile
