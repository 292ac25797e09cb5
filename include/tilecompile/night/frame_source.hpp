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

/// What frames bring to sums over frames.
struct BandSamples {
  int planes = 1;      ///< channels, drizzled ones with their shares
  bool codes = false;  ///< all frames are files of 16-bit codes, by their size, and are used as they are
  /// Some are files that have to be unpacked, by their name or size, and are used as they are.
  bool packed = false;
  /// Of the frames of `manifest`, registered by `raw` where that is not null. The same of a manifest that was
  /// decoded, which tells only their names, sizes and shapes.
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
  /// Memory that the frames which are kept may come to take.
  std::size_t reserved_bytes() const;
  /// Opens frame `index` after checking that it is the file of the manifest; where its sums are known, what
  /// is read of it is checked then.
  OpenFrame open(int index) const;
  /// The same for the first look at all of it: where the manifest has no SHA-256 of it yet, or its sums are
  /// known, so that the others look at no more than these, that is taken while it is read.
  OpenFrame open_first(int index) const;
  /// Ends that look, if it was the first: the SHA-256 is known from here on. Throws InputError when the file
  /// is another one now, or than the manifest says.
  void end_first(int index) const;
  /// SHA-256 and sums of the file of frame `index`, whose content nobody knows; it goes through the cache.
  /// Throws InputError when it has another size than the manifest says, TransientError when it is missing.
  FileContent content(int index) const;
  /// The file of frame `index` as it is stored, checked likewise.
  FrameReader reader(int index, ZeroIsNodata zeros) const;
  /// Frame `index` as a file, checked against the manifest.
  FrameFile file(int index) const;

 private:
  OpenFrame opened(int index, FrameReader reader) const;
  bool hashed_as_read(const ManifestEntry& entry) const;

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
