#pragma once
#include <atomic>
#include <filesystem>
#include <string>

#include "tilecompile/review/run_folders.hpp"

namespace tilecompile {

/// `tilecompile report --page`: the report of a run in a browser, where a click on the picture tells the
/// story of that pixel from the frames, as explain_pixel does. Listens at `place` (as observability.listen
/// takes it), says in the log where, and ends when `stop_signal` is set. On other places than loopback the
/// page has a token in its address. One pixel is computed at a time; what it needs and does not find stands
/// in the page. Throws UsageError for a place that is none, TransientError when it is taken, InputError when
/// there is no run.json.
void serve_report(const RunFolders& folders, const std::string& place, const std::atomic<int>& stop_signal);

}  // namespace tilecompile
