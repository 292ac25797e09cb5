#pragma once
#include <filesystem>
#include <string>

#include "tilecompile/base/observer.hpp"
#include "tilecompile/header/manifest.hpp"
#include "tilecompile/night/frame_source.hpp"

namespace tilecompile {

/// What is asked of the frames.
struct ScanRules {
  const DataParams& data;
  bool raw = false;  ///< they are on their way to the registration, and can be planes of a colour sensor
  bool count_duplicates = false;  ///< `input.duplicates: keep`
  /// Frames whose samples lie in a file as they are get no SHA-256 yet, unless they may be there twice: the
  /// first look at them takes it.
  bool hash_later = false;
};

/// The frames that were found: those that can be used as far as headers tell, and the others with reasons.
struct ScannedFrames {
  Manifest manifest;
  std::vector<BadFrame> bad;
  std::vector<BadFrame> left_out;     ///< no error: files that are no frames, or frames once more
  std::vector<std::string> warnings;  ///< of find_twins
};

/// Reads header facts and hashes the content of every frame, unless it is to be later; with a cache, fills
/// it. What cannot be read is a bad frame, and so is what odd_frames names; products of this program and what
/// find_twins names are left out. The observer's pieces are frames. Throws InputError for raw colour frames
/// where registered ones belong, and when there is nothing but products.
ScannedFrames scan_frames(const FrameOrigin& origin, const std::vector<std::string>& paths, int threads,
                          const ScanRules& rules, const std::shared_ptr<VerifiedFiles>& verified,
                          Observer& observer = nobody());

/// Fills in what ScanRules::hash_later has left open, after the first look at all frames. Throws InputError
/// when one is another file since, TransientError when it cannot be reached.
void fill_in_hashes(const FrameOrigin& origin, Manifest& manifest, const VerifiedFiles& verified);

/// Throws the InputError that names all bad frames among `all`.
[[noreturn]] void refuse_frames(const std::vector<BadFrame>& bad, std::size_t all);

/// Throws the InputError that names all bad frames when they are more than `share` of `all`.
void check_bad_share(const std::vector<BadFrame>& bad, std::size_t all, double share);

}  // namespace tilecompile
