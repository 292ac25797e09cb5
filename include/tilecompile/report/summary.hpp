#pragma once
#include <filesystem>
#include <string>

#include "tilecompile/report/run_record.hpp"

namespace tilecompile {

/// What a run says on stdout when it is done: frames, products with their figures, verdict, what was left
/// out, warnings, and as its last line how much sharper and noisier than the plain mean the picture is and
/// where it lies: in `folder`, the one of the run's name, if there is one. Changes are those of the figures
/// beside them; of several channels the last line tells the mean.
std::string run_summary(const RunRecord& record, const std::filesystem::path& directory,
                        const std::filesystem::path& folder = {});

}  // namespace tilecompile
