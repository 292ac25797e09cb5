#include "tilecompile/coadd/ledger.hpp"

namespace tilecompile {

TileLedger::TileLedger(std::string run_id, int tile_count)
    : run_id_(std::move(run_id)),
      results_(static_cast<std::size_t>(tile_count)),
      is_failed_(results_.size()) {}

TileLedger::Verdict TileLedger::offer(const ResultMessage& result) {
  if (result.run_id != run_id_ || result.tile_id < 0 || result.tile_id >= tile_count())
    return Verdict::kForeign;
  ResultMessage& known = results_[static_cast<std::size_t>(result.tile_id)];
  if (!known.data_checksum.empty())
    return known.data_checksum == result.data_checksum ? Verdict::kDuplicate : Verdict::kConflict;
  known = result;
  ++done_;
  if (is_failed(result.tile_id)) --failed_;
  is_failed_[static_cast<std::size_t>(result.tile_id)] = false;
  return Verdict::kAccepted;
}

void TileLedger::fail(int tile_id) {
  if (!is_open(tile_id)) return;
  is_failed_[static_cast<std::size_t>(tile_id)] = true;
  ++failed_;
}

}  // namespace tilecompile
