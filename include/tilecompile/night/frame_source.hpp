#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "tilecompile/header/manifest.hpp"
#include "tilecompile/night/frame_origin.hpp"
#include "tilecompile/night/open_frame.hpp"

namespace tilecompile {

/// Remembers which files were already found to hold the bytes a manifest promises, by identity and time of
/// the file, so that each is hashed once a process. Safe from several threads.
class VerifiedFiles {
 public:
  /// Throws InputError when the file's size or SHA-256 is another than the manifest's, TransientError when it
  /// is missing.
  void verify(const std::filesystem::path& path, const ManifestEntry& entry);
  /// Notes a file whose hash was just taken.
  void remember(const std::filesystem::path& path, const std::string& sha256);

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> known_;  // file identity -> SHA-256
};

/// A frame as a file of this host; a copy in the cache stays there while the object lives.
struct FrameFile {
  std::filesystem::path path;
  CachedFile copy;  ///< none when the frame is read where it lies
};

/// A frame that no manifest describes yet, and its SHA-256. Throws TransientError when it cannot be reached.
std::pair<FrameFile, std::string> fetch_new_frame(const FrameOrigin& origin, const std::string& path,
                                                  VerifiedFiles& verified);

/// What frames bring to sums over frames.
struct BandSamples {
  int planes = 1;      ///< channels, drizzled ones with their shares
  bool codes = false;  ///< all frames are files of 16-bit codes, by their size, and are used as they are
  /// Of the frames of `manifest`, registered by `raw` where that is not null.
  static BandSamples of(const Manifest& manifest, const RawNight* raw);
};

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
  const BandSamples& band_samples() const { return band_samples_; }
  /// Opens frame `index` after checking that it is the file of the manifest.
  OpenFrame open(int index) const;
  /// Frame `index` as a file, checked against the manifest.
  FrameFile file(int index) const;

 private:
  FrameOrigin origin_;
  std::shared_ptr<const Manifest> manifest_;
  ZeroIsNodata zero_is_nodata_;
  std::shared_ptr<VerifiedFiles> verified_;
  std::shared_ptr<const RawNight> raw_;
  BandSamples band_samples_;
};

/// Level of the pixels, in input units, from which they count as saturated: data.saturation, or 95 % of the
/// largest code of the first frame; NaN for floats.
double saturated_from(const FrameSource& source, const DataParams& data);

}  // namespace tilecompile
