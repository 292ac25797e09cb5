#pragma once
#include <map>
#include <string>
#include <string_view>

namespace tilecompile {

/// What Siril reads and writes as text; tried with 1.0.6. Frames of a sequence are numbered from 1.
///
/// Frames come as files raw_00001.fit, ... in the folder `raw` and go as the sequence `light_` to `work`.
std::string siril_convert_script(bool debayer);

/// The file work/light_.seq: `frames` files of `channels` planes, registered onto frame `reference`. It is
/// written by us between the two scripts, as `setref` needs a sequence that was loaded before, and `register`
/// would take the first frame.
std::string siril_sequence_file(int frames, int channels, int reference);

/// Registers work/light_ into work/r_light_00001.fit, ... A frame is skipped that shares fewer than
/// `min_pairs` stars with the reference; Siril's own least is 10. With rotation the model is a homography,
/// Siril's own choice; without it, a shift.
std::string siril_register_script(int min_pairs, bool rotation, int threads);
inline constexpr int kSirilLeastPairs = 10;

/// Plain mean of the sequence syn_ into mean.fit, neither normalised nor clipped. Siril leaves out pixels
/// that are exactly 0.
std::string siril_stack_script(int threads);

/// What Siril said of a registration.
struct SirilMatches {
  std::map<int, int> pairs;            ///< stars shared with the reference, of the frames it could match
  std::map<int, std::string> skipped;  ///< frames that it left out, with its reason
  std::map<int, int> stars;            ///< found in each frame
  bool reference_refused = false;      ///< too few stars in the reference itself
};
SirilMatches read_siril_matches(std::string_view output);

/// "1.0.6" from Siril's greeting; "unknown" when there is none.
std::string siril_version(std::string_view output);

/// The last lines of Siril's own log that tell of a failure; its last three when none does.
std::string siril_complaint(std::string_view output);

}  // namespace tilecompile
