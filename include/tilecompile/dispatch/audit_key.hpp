#pragma once
#include <string>

#include "tilecompile/dispatch/run_directory.hpp"

namespace tilecompile {

/// The run's secret that chooses the audited tiles: `audit.key` in its directory, for its owner alone; made
/// at random when it is not there. Throws TransientError when it cannot be written.
std::string audit_key(const RunDirectory& directory);

}  // namespace tilecompile
