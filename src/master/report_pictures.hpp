#pragma once
#include <filesystem>
#include <string>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/report/page.hpp"

namespace tilecompile {

/// Adds what the images of a run directory show to `page`: pictures, maps, stars, the difference to the plain
/// mean. `final_file`: the final picture's; `metrics`: none when that file is not there. What is missing is
/// named in `page.missing`. Throws what FrameReader throws for damaged files.
void add_pictures(PageValues& page, const std::filesystem::path& directory, const std::string& final_file,
                  const FrameMetrics* metrics);

}  // namespace tilecompile
