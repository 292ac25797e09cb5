#pragma once
#include <array>
#include <string>
#include <vector>

#include "calibration_frames.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// How masters are computed.
struct MasterJob {
  int threads = 1;
  std::size_t memory_limit_bytes = 0;
  Observer& observer = nobody();
};

/// Master of the frames with these indices (`master_row`).
Plane<float> mean_master(const CalibrationFrames& frames, const std::vector<int>& chosen,
                         const MasterJob& job);

/// Master flat: `subtracted` (may be empty) is taken from every flat, each is divided by its levels, then the
/// clipped mean (`raw.md` R1). Throws InputError that names flats which are overexposed or show no light.
Plane<float> flat_master(const CalibrationFrames& flats, const Plane<float>& subtracted,
                         const std::string& cfa, const MasterJob& job);

/// The samples of the first frame.
Plane<float> first_of(const CalibrationFrames& frames);

/// Makes pixels NaN that stand out of their neighbours by more than `sigma` (0: none); returns how many.
std::size_t leave_out_defects(Plane<float>& dark, const Plane<float>& measured, const std::string& cfa,
                              double sigma, const MasterJob& job);

}  // namespace tilecompile
