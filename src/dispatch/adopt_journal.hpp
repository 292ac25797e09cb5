#pragma once
#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/dispatch/dispatch.hpp"

namespace tilecompile {

/// Takes over from the journal of an earlier start every tile whose stored object still has the digest, the
/// shape and the origin that the journal says and whose worker is not distrusted, in ascending tile_id: into
/// `ledger` and to the observer. Every other tile stays open; events.jsonl says why, the log in sum.
void adopt_journal(const TileRound& round, const RoundPlace& place, RoundObserver& observer,
                   TileLedger& ledger, const TrustBook& workers = {});

}  // namespace tilecompile
