#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/align/output_area.hpp"
#include "tilecompile/align/star_matching.hpp"
#include "tilecompile/header/frame_facts.hpp"

namespace tilecompile {

/// The stars of one frame.
struct FrameStars {
  std::vector<FrameStar> chosen;  ///< as choose_stars returns them
  int found = 0;                  ///< all that are neither saturated nor elongated
  double fwhm_px = 0;             ///< median of theirs; 0 without stars
  int width = 0, height = 0;      ///< of the frame
};

/// What was found out about one frame.
struct FrameFit {
  std::optional<Transform> transform;  ///< none: it cannot be used, `problem` says why
  int matched = 0;                     ///< stars that are those of the reference
  double rms_px = 0;                   ///< of their residuals
  int through = -1;                    ///< the frame that it was chained through; -1: none
  std::string problem;                 ///< with figures, for people
};

struct FitRules {
  std::optional<TransformModel> model;  ///< `registration.transform`; none: auto
  int min_star_matches = 10;
};

constexpr double kLargestRms_px = 1;  ///< of a frame that can be used

/// Frames to choose the reference from: at most 32 spread evenly, best first: most stars over FWHM squared,
/// ties to the lower index. Frames without stars are none.
std::vector<int> reference_candidates(const std::vector<FrameStars>& frames);

/// The transform from the reference, whose stars are `reference`, to a frame (`raw.md` R3.3 to R3.5).
FrameFit fit_frame(const std::vector<FrameStar>& reference, const FrameStars& frame, const FitRules& rules);

/// The same through a neighbour whose transform is known: its stars are carried to the reference first.
FrameFit fit_through(const FrameStars& neighbour, const Transform& known, const FrameStars& frame,
                     const FitRules& rules);

/// How the frames lie to each other.
struct NightFits {
  int reference = -1;  ///< -1: no frame shows a star
  std::vector<FrameStars> stars;
  std::vector<FrameFit> fits;  ///< [frame]; of the reference the transform that changes nothing
};

/// registration.csv: one row a frame.
std::string registration_csv(const NightFits& night, const std::vector<std::string>& paths);

/// The master of a calibration as an object of the storage; empty when there is none.
struct MasterObject {
  std::string key, sha256;
  bool operator==(const MasterObject&) const = default;
};
/// What a group of frames is calibrated with.
struct CalibrationObjects {
  MasterObject dark, flat;
  bool operator==(const CalibrationObjects&) const = default;
};

/// How one raw frame becomes one of the run.
struct RegisteredFrame {
  std::string path;           ///< as in the manifest
  int width = 0, height = 0;  ///< of the raw frame
  Transform transform;        ///< from the reference
  int calibration = -1;       ///< index in Registration::calibrations; -1: none
};

/// How the raw frames of a run are read: the bytes of registration.json, which the master makes once and all
/// workers use. It can hold more frames than the manifest of the run, which left some out later.
struct Registration {
  std::string reference;  ///< path
  OutputGrid grid;
  std::string cfa_pattern;  ///< four letters, as rows are stored; empty: no colour sensor
  double drop_px = 0;       ///< edge of a drizzled raw pixel; 0: frames are interpolated
  std::vector<CalibrationObjects> calibrations;
  std::vector<RegisteredFrame> frames;
  int channels() const { return cfa_pattern.empty() ? 1 : 3; }
  bool drizzles() const { return drop_px > 0; }
};

/// What a raw frame's facts become when it is read as a frame of the run: size and channels of the output,
/// floats, no pattern of colours.
FrameFacts facts_as_read(FrameFacts raw, const Registration& registration);

/// JSON; numbers round-trip to the bit.
std::string encode_registration(const Registration& registration);
/// Inverse; throws InputError for anything else.
Registration decode_registration(std::string_view bytes);

}  // namespace tilecompile
