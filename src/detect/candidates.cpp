#include "candidates.hpp"

extern "C" {
#include <sep.h>
}

#include <cmath>
#include <memory>
#include <mutex>
#include <new>
#include <string>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kPixelsOfExtraction = 1000000;
constexpr std::size_t kBytesOfExtraction = 64 * kPixelsOfExtraction;  // its stack of pixels, and some more
constexpr int kMeshPx = 64;
constexpr double kThresholdSigma = 5;
constexpr int kMinArea = 5;
constexpr double kPositionStep = 1.0 / 1024;

void check(int status, const char* doing) {
  if (status == 0) return;
  constexpr int kNoMemory = 1;  // SEP keeps this name to itself
  if (status == kNoMemory) throw std::bad_alloc();
  char text[61] = {};
  sep_get_errmsg(status, text);
  throw ContractError(std::string("star detection (") + doing + ") failed: " + text);
}

/// SEP frees what it never allocated when memory ends inside of it, so all that its calls now under way may
/// take has to be there before one more begins. Throws std::bad_alloc when it is not.
class RoomForExtraction {
 public:
  RoomForExtraction() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ::operator delete(
        ::operator new((under_way_ + 1) * kBytesOfExtraction));  // a call, which is never left out
    ++under_way_;
  }
  ~RoomForExtraction() {
    const std::lock_guard<std::mutex> lock(mutex_);
    --under_way_;
  }
  RoomForExtraction(const RoomForExtraction&) = delete;
  RoomForExtraction& operator=(const RoomForExtraction&) = delete;

 private:
  static inline std::mutex mutex_;
  static inline std::size_t under_way_ = 0;
};

}  // namespace

std::vector<Candidate> nominate(const Plane<float>& picture) {
  std::vector<float> data(picture.samples());
  std::vector<unsigned char> mask(data.size());
  for (std::size_t i = 0; i < data.size(); ++i) {
    mask[i] = data[i] != data[i] ? 1 : 0;
    if (mask[i] != 0) data[i] = 0;
  }
  sep_image image{};
  image.data = data.data();
  image.dtype = SEP_TFLOAT;
  image.mask = mask.data();
  image.mdtype = SEP_TBYTE;
  image.w = picture.width();
  image.h = picture.height();
  image.maskthresh = 0.5;
  image.gain = 1;
  sep_bkg* background = nullptr;
  check(sep_background(&image, kMeshPx, kMeshPx, 3, 3, 0.0, &background), "background");
  const std::unique_ptr<sep_bkg, void (*)(sep_bkg*)> background_owner(background, sep_bkg_free);
  check(sep_bkg_subarray(background, data.data(), SEP_TFLOAT), "background subtraction");
  for (std::size_t i = 0; i < data.size(); ++i)
    if (mask[i] != 0) data[i] = 0;
  const float rms = sep_bkg_globalrms(background);
  if (!(rms > 0)) return {};
  float kernel[] = {1, 2, 1, 2, 4, 2, 1, 2, 1};
  sep_catalog* catalogue = nullptr;
  sep_set_extract_pixstack(kPixelsOfExtraction);
  const RoomForExtraction room;
  check(sep_extract(&image, static_cast<float>(kThresholdSigma) * rms, SEP_THRESH_ABS, kMinArea, kernel, 3, 3,
                    SEP_FILTER_CONV, 32, 0.005, 1, 1.0, &catalogue),
        "extraction");
  const std::unique_ptr<sep_catalog, void (*)(sep_catalog*)> catalogue_owner(catalogue, sep_catalog_free);
  std::vector<Candidate> found;
  for (int i = 0; i < catalogue->nobj; ++i) {
    const double a = catalogue->a[i], b = catalogue->b[i];
    found.push_back({catalogue->x[i], catalogue->y[i], catalogue->flux[i], std::sqrt((a * a + b * b) / 2)});
  }
  return found;
}

double on_position_grid(double v) { return std::floor(v / kPositionStep + 0.5) * kPositionStep; }

}  // namespace tilecompile
