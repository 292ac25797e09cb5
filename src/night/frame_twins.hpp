#pragma once
#include <string>
#include <vector>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/header/bad_frame.hpp"
#include "tilecompile/night/frame_source.hpp"

namespace tilecompile {

/// Frames that are there twice.
struct FrameTwins {
  std::vector<BadFrame> left_out;     ///< all but the first of the files of one exposure, in frame order
  std::vector<std::string> warnings;  ///< frames of one time and different pixels, which stay
};

/// Files of equal content, then files of one exposure in other formats or under other headers: such as state
/// the same start and exposure, or differ only in the ending of their name, and share the noise of their
/// pixels. Of these, and of no others, some rows are read, on `threads` threads.
FrameTwins find_twins(const FrameOrigin& origin, const Manifest& manifest,
                      const std::shared_ptr<VerifiedFiles>& verified, int threads, Observer& observer);

}  // namespace tilecompile
