#pragma once
#include <filesystem>
#include <limits>
#include <system_error>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Straight line between the values of an image and what Siril can hold: 0.05 .. 0.95, as it cuts off what is
/// outside 0 .. 1, overshoots when it interpolates, and takes 0 for "nothing here".
class SirilScale {
 public:
  /// Widens the range by the values of `image`; NaN is left out. Returns how many were NaN.
  std::size_t add(const Image& image) {
    std::size_t missing = 0;
    for (const Plane<float>& plane : image)
      for (const float v : plane.samples()) {
        missing += v != v ? 1 : 0;
        low_ = v < low_ ? v : low_;
        high_ = v > high_ ? v : high_;
      }
    return missing;
  }
  /// NaN becomes 0.
  void to_siril(Image& image) const {
    for (Plane<float>& plane : image)
      for (float& v : plane.samples())
        v = v == v ? static_cast<float>(kLow + (v - low_) / span() * kSpan) : 0.0F;
  }
  /// The inverse of one value; 0 becomes NaN.
  double from_siril(float v) const {
    return v == 0 ? std::numeric_limits<double>::quiet_NaN() : low_ + (v - kLow) / kSpan * span();
  }

 private:
  static constexpr double kLow = 0.05, kSpan = 0.9;
  double span() const { return high_ > low_ ? high_ - low_ : 1; }
  double low_ = std::numeric_limits<double>::infinity(), high_ = -low_;
};

/// A folder for Siril to work in, empty at first and removed with the object.
class SirilFolder {
 public:
  explicit SirilFolder(std::filesystem::path path) : path_(std::move(path)) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~SirilFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  SirilFolder(const SirilFolder&) = delete;
  SirilFolder& operator=(const SirilFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace tilecompile
