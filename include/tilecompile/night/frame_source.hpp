#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "tilecompile/header/manifest.hpp"
#include "tilecompile/night/frame_origin.hpp"
#include "tilecompile/night/open_frame.hpp"
#include "tilecompile/night/verified_files.hpp"

namespace tilecompile {

/// A frame as a file of this host; a copy in the cache stays there while the object lives.
struct FrameFile {
  std::filesystem::path path;
  CachedFile copy;  ///< none when the frame is read where it lies
};

/// A frame that no manifest describes yet, and its SHA-256. Throws TransientError when it cannot be reached.
std::pair<FrameFile, std::string> fetch_new_frame(const FrameOrigin& origin, const std::string& path,
                                                  VerifiedFiles& verified);

/// The frames of a manifest, wherever they lie.
class FrameSource {
 public:
  /// With `raw` they are raw ones, which are calibrated and resampled as they are read; every zero of a
  /// sensor is a sample.
  FrameSource(FrameOrigin origin, std::shared_ptr<const Manifest> manifest, ZeroIsNodata zero_is_nodata,
              std::shared_ptr<VerifiedFiles> verified, std::shared_ptr<const RawNight> raw = nullptr);
  const Manifest& manifest() const { return *manifest_; }
  /// Whether the frames are drizzled into sums over frames.
  bool drizzles() const { return raw_ && raw_->registration.drizzles(); }
  /// Planes that a frame brings to sums over frames: its channels, drizzled ones with their shares.
  int planes() const { return manifest_->channels() * (drizzles() ? 2 : 1); }
  /// Opens frame `index` after checking that it is the file of the manifest; where its sums are known, what
  /// is read of it is checked then.
  OpenFrame open(int index) const;
  /// Frame `index` as a file, checked against the manifest.
  FrameFile file(int index) const;

 private:
  FrameOrigin origin_;
  std::shared_ptr<const Manifest> manifest_;
  ZeroIsNodata zero_is_nodata_;
  std::shared_ptr<VerifiedFiles> verified_;
  std::shared_ptr<const RawNight> raw_;
};

/// Level of the pixels, in input units, from which they count as saturated: data.saturation, or 95 % of the
/// largest code of the first frame; NaN for floats.
double saturated_from(const FrameSource& source, const DataParams& data);

}  // namespace tilecompile
