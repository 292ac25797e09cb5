#pragma once
#include <filesystem>
#include <string>

namespace tilecompile {

/// The report from what the files of a run directory hold, whatever program version wrote them; what
/// is not there or damaged is named in the page. A few rows of an image are in memory at a time. Throws
/// InputError when there is no run.json that can be read. `answers`: a server tells it the story of a pixel.
std::string run_report_page(const std::filesystem::path& run_directory, bool answers = false,
                            int threads = 1);

/// Writes it to report.html; TransientError when the file system refuses.
void write_run_report(const std::filesystem::path& run_directory, int threads = 1);

/// The page of a run under way: what of the report is known so far, and the places for what a server tells it
/// while it is looked at (launch/live_page). An empty folder gives a page too.
std::string live_report_page(const std::filesystem::path& run_directory);

}  // namespace tilecompile
