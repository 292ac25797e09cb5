#pragma once
#include <string>
#include <vector>

#include "tilecompile/header/manifest.hpp"

namespace tilecompile {

/// How far, in px, the coordinates of `b` put the image from where those of `a` put it: the largest of the
/// distances at the three points. Infinite when one of the two is empty or has no extent.
double sky_distance_px(const SkyPlace& a, const SkyPlace& b, int width, int height);

/// Whether all frames that state coordinates put the image at one place, to 2 px at its corners: then the
/// coordinates of one are those of the picture. Frames without coordinates say nothing.
bool one_sky(const Manifest& manifest);

/// What the files hold that is odd but can be right, one text a kind, with the names of the frames: several
/// images in one file; coordinates that differ.
std::vector<std::string> file_warnings(const Manifest& manifest);

}  // namespace tilecompile
