#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/report/page.hpp"

namespace tilecompile {

/// The reference stars of a run and the half-size of the box in which one is measured.
struct StarList {
  std::vector<ReferenceStar> stars;
  int radius_px = 8;
};

/// Adds what the images of a run directory show to `page`: pictures, maps, stars, the difference to the plain
/// mean. `final_file`: the final picture's. What is missing is named in `page.missing`. Throws what
/// FrameReader throws for damaged files.
void add_pictures(PageValues& page, const std::filesystem::path& directory, const std::string& final_file,
                  const StarList& stars);

}  // namespace tilecompile
