#pragma once
#include <gtest/gtest.h>

#include <string>

#include "test_data.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/image/counter_random.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/night/frame_scan.hpp"
#include "tilecompile/passes/registration_pass.hpp"

namespace tilecompile {

/// Small raw frames of one made-up sky in a temporary folder: 16-bit, each turned and moved by its own
/// transform, the middle one of three upside down.
class RawTestNight {
 public:
  static constexpr int kWidth = 320, kHeight = 240;
  explicit RawTestNight(int frames = 4) {
    const CounterRandom random(11);
    for (int i = 0; i < 45; ++i)
      stars_.push_back({20 + 280 * random.uniform(static_cast<std::uint64_t>(3 * i)),
                        20 + 200 * random.uniform(static_cast<std::uint64_t>(3 * i + 1)),
                        500 + 6000 * random.uniform(static_cast<std::uint64_t>(3 * i + 2))});
    for (int f = 0; f < frames; ++f) write_frame(f);
    std::vector<std::string> paths;
    for (int f = 0; f < frames; ++f) paths.push_back(name(f));
    const MethodConfig method;
    manifest = std::make_shared<Manifest>(
        scan_frames(folder_.path(), paths, 1, {method.data, true}, verified).manifest);
  }
  static std::string name(int f) { return "raw" + std::to_string(f) + ".fits"; }
  /// From frame 0 to frame f.
  static Transform truth(int f) {
    const double turn = f * (f % 3 == 1 ? 3.1 : 0.02), c = exact_cos_turns(turn / 6.283185307179586),
                 s = exact_cos_turns(turn / 6.283185307179586 - 0.25);
    Transform t;
    t.centre_x = 0.5 * kWidth;
    t.centre_y = 0.5 * kHeight;
    t.u = {0.5 * kWidth + 4.3 * f, c, -s};
    t.v = {0.5 * kHeight - 3.7 * f, s, c};
    return t;
  }
  FrameSource stored() const { return {folder_.path(), manifest, ZeroIsNodata::kNever, verified}; }
  std::filesystem::path folder() const { return folder_.path(); }
  std::shared_ptr<Manifest> manifest;
  std::shared_ptr<VerifiedFiles> verified = std::make_shared<VerifiedFiles>();

 private:
  struct Star {
    double x, y, peak;
  };
  void write_frame(int f) {
    const CounterRandom random(f + 100);
    Plane<std::uint16_t> plane(kWidth, kHeight);
    std::vector<Star> here;
    for (const Star& s : stars_) {
      const Point at = f == 0 ? Point{s.x, s.y} : map(truth(f), {s.x, s.y});
      here.push_back({at.x, at.y, s.peak});
    }
    std::uint64_t k = 0;
    for (int y = 0; y < kHeight; ++y)
      for (int x = 0; x < kWidth; ++x) {
        double v = 400 + 8 * random.gaussian(k++);
        for (const Star& s : here) {
          const double r2 = (x - s.x) * (x - s.x) + (y - s.y) * (y - s.y);
          if (r2 < 150) v += s.peak * exact_exp(-r2 / 3.4);
        }
        plane.at(x, y) = static_cast<std::uint16_t>(v + 0.5);
      }
    write_image(folder_.path() / name(f), std::vector<Plane<std::uint16_t>>{plane}, {});
  }

  TempDir folder_;
  std::vector<Star> stars_;
};

}  // namespace tilecompile
