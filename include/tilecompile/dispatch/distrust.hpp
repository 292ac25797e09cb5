#pragma once
#include <cstddef>
#include <string>

#include "tilecompile/coadd/trust_book.hpp"
#include "tilecompile/dispatch/run_directory.hpp"

namespace tilecompile {

/// Says in the log, among the events and for a resumed run that a worker was found out: it gave something
/// wrong, for which `tiles` of its tiles are computed again.
void note_distrusted(RunDirectory& directory, const std::string& worker_id, const std::string& why,
                     std::size_t tiles = 0);

/// Those that were found out in an earlier start of the run.
void read_distrusted(const RunDirectory& directory, TrustBook& workers);

}  // namespace tilecompile
