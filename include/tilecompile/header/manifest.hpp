#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/header/bad_frame.hpp"
#include "tilecompile/header/frame_facts.hpp"
#include "tilecompile/header/frame_params.hpp"

namespace tilecompile {

/// One frame of a run. `path` is relative to the input folder, with '/'.
struct ManifestEntry {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string sha256;  ///< of the file's content
  FrameFacts facts;
};

/// The frames of a run in natural order of their path; the index in it is the frame index everywhere.
struct Manifest {
  std::vector<ManifestEntry> frames;
  /// SHA-256 of registration.json where the frames are raw ones, which are calibrated and resampled as they
  /// are read; their facts are those of the result then. Empty: they are read as they are stored.
  std::string registration;
  int width() const { return frames.empty() ? 0 : frames.front().facts.width; }
  int height() const { return frames.empty() ? 0 : frames.front().facts.height; }
  int channels() const { return frames.empty() ? 0 : frames.front().facts.channels; }
};

/// Order in which people count: runs of digits compare as numbers ("f2" before "f10"), ties by plain bytes.
bool natural_less(std::string_view a, std::string_view b);

/// The bytes of manifest.json; their SHA-256 is `frames_manifest_id`.
std::string encode_manifest(const Manifest& manifest);
/// Inverse of encode_manifest. Throws InputError for anything else, for paths that are absolute or leave the
/// input folder, and for frames of unequal shape; unless `hashes_known` a SHA-256 may be empty.
Manifest decode_manifest(std::string_view bytes, bool hashes_known = true);

/// Frames that their headers rule out (`methodology.md`, last section): another size or channel count than
/// most, an exposure outside the tolerance of the median, a stretch in HISTORY, the words of a dark or flat,
/// a stack among single frames. In what is left others can become odd, since the median moves.
std::vector<BadFrame> odd_frames(const Manifest& manifest, const DataParams& data);

/// The manifest without these frames; the others keep their order.
Manifest without(const Manifest& manifest, const std::vector<BadFrame>& bad);

/// What must hold of all frames together, all of one shape: enough of them, and the configured size. Throws
/// InputError.
void check_hard_assumptions(const Manifest& manifest, const DataParams& data);

}  // namespace tilecompile
