#pragma once
#include <string>

#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/coadd/trust_book.hpp"
#include "tilecompile/dispatch/run_directory.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// What a resumed run has to know of its earlier start beside the journal, in files of the run directory:
/// `sent_tasks.txt` (id, attempt and tiles of every task, a line each) and `distrusted.txt` (worker_id and
/// reason). A line that a crash cut off is read over; the loss of either file costs time, not bits.
void note_sent(const RunDirectory& directory, const std::vector<TileTask>& tasks, const TileLedger& ledger);
void read_sent(const RunDirectory& directory, TileLedger& ledger);

}  // namespace tilecompile
