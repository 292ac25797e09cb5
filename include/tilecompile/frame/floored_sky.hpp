#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/header/bad_frame.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// What tells of a frame that was clipped at 0: so many of the samples of its sky are exactly 0.
constexpr double kFlooredShare = 0.05;

/// Share of the valid samples that are exactly 0; 0 when that lies further below `background` than 3 `noise`
/// and is no sky.
double floored_share(const PlaneView<float>& plane, double background, double noise);

/// Sigma of a sky of which the lower part is clipped at 0, from quantiles above it: q(84 %) - q(50 %), or
/// where the median is clipped too the half sigmas between 84 and 93 %, 93 and 98 %. Nothing when
/// floored_share is below kFlooredShare.
std::optional<double> floored_noise(const PlaneView<float>& plane, double background, double noise);

/// Frames whose background is no base of a division: so many of the samples (16 %) are zeros that it lies
/// less than a sigma above them, and below that the zeros alone decide it. `share` is [frame].
std::vector<BadFrame> floored_backgrounds(const std::vector<double>& share,
                                          const std::vector<std::string>& frame_paths);

/// A warning that names the frames with at least kFlooredShare of zeros, or nothing. `share` is [frame].
std::vector<std::string> floored_warnings(const std::vector<double>& share,
                                          const std::vector<std::string>& frame_paths);

}  // namespace tilecompile
