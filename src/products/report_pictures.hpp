#pragma once
#include <filesystem>
#include <functional>
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

/// Does `add`; a damaged file leaves a gap in the page, which is named, and the rest of it stays.
void unless_damaged(PageValues& page, const std::string& what, const std::function<void()>& add);

/// Adds what the images of a run directory show to `page`: pictures, maps, stars, the difference to the plain
/// mean. `final_file`: the final picture's. What is missing or damaged is named in
/// `page.missing`. Throws TransientError when the file system refuses.
void add_pictures(PageValues& page, const std::filesystem::path& directory, const std::string& final_file,
                  const StarList& stars, int threads);

}  // namespace tilecompile
