#include <algorithm>
#include <cmath>

#include "simulated_scene.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

enum DefectStream : std::uint64_t { kCosmicRays = 102, kTrail };  // other purposes: 1 .. 11, 101

class Collector {
 public:
  Collector(int width, int height) : width_(width), height_(height) {}
  void add(DefectKind kind, int x, int y, double adu) {
    if (x >= 0 && y >= 0 && x < width_ && y < height_)
      defects_.push_back({kind, x, y, static_cast<float>(adu)});
  }
  std::vector<Defect> take() { return std::move(defects_); }

 private:
  int width_, height_;
  std::vector<Defect> defects_;
};

/// A satellite: a straight line right across the frame, Gaussian in section.
void add_trail(const CounterRandom& random, int width, int height, Collector& defects) {
  const double level = 100 * exact_exp(2.3 * random.uniform(0)), sigma = 1.2 + random.uniform(1);
  const bool flat = random.uniform(2) < 0.5;  // runs from side to side, else from top to bottom
  const int length = flat ? width : height, breadth = flat ? height : width;
  const double from = random.uniform(3) * breadth, to = random.uniform(4) * breadth;
  const double slope = (to - from) / length, squeeze = 1 / std::sqrt(1 + slope * slope);
  const double reach = 5 * sigma / squeeze;
  for (int i = 0; i < length; ++i) {
    const double centre = from + slope * i;
    const int first = std::max(0, static_cast<int>(std::ceil(centre - reach)));
    const int last = std::min(breadth - 1, static_cast<int>(std::floor(centre + reach)));
    for (int j = first; j <= last; ++j) {
      const double off = (j - centre) * squeeze / sigma;
      defects.add(DefectKind::trail, flat ? i : j, flat ? j : i, level * exact_exp(-0.5 * off * off));
    }
  }
}

/// Short bright tracks of one to five pixels.
void add_cosmic_rays(const CounterRandom& random, double mean, int width, int height, Collector& defects) {
  const int count = static_cast<int>(random.poisson(0, mean));
  std::uint64_t n = 1;
  for (int ray = 0; ray < count; ++ray, n += 5) {
    double x = random.uniform(n) * width, y = random.uniform(n + 1) * height;
    const double level = 500 * exact_exp(3.7 * random.uniform(n + 2)), turns = random.uniform(n + 3);
    const int length = 1 + static_cast<int>(5 * random.uniform(n + 4));
    for (int i = 0; i < length; ++i) {
      defects.add(DefectKind::cosmic_ray, static_cast<int>(std::floor(x)), static_cast<int>(std::floor(y)),
                  level);
      x += exact_cos_turns(turns);
      y += exact_cos_turns(turns - 0.25);
    }
  }
}

void add_moving_objects(const SimulatedScene& scene, const SimulatedConditions& conditions,
                        const SimulateOptions& options, int frame, Collector& defects) {
  const double share = options.frames > 1 ? frame / (options.frames - 1.0) : 0.0;
  for (const MovingObject& object : scene.moving_objects) {
    Plane<float> plane(options.width, options.height);
    add_moving_object(object, share, conditions, options, plane);
    for (int y = 0; y < options.height; ++y)
      for (int x = 0; x < options.width; ++x)
        if (plane.at(x, y) != 0) defects.add(DefectKind::moving_object, x, y, plane.at(x, y));
  }
}

}  // namespace

const char* name_of(DefectKind kind) {
  switch (kind) {
    case DefectKind::moving_object:
      return "moving_object";
    case DefectKind::trail:
      return "trail";
    case DefectKind::hot_pixel:
      return "hot_pixel";
    case DefectKind::cosmic_ray:
      break;
  }
  return "cosmic_ray";
}

std::vector<Defect> frame_defects(const SimulatedScene& scene, const SimulatedConditions& conditions,
                                  const SimulateOptions& options, int frame, int channel) {
  Collector defects(options.width, options.height);
  const auto number = static_cast<std::uint64_t>(frame);
  add_moving_objects(scene, conditions, options, frame, defects);
  if (conditions.trail)
    add_trail(CounterRandom(options.seed, kTrail, number), options.width, options.height, defects);
  for (const HotPixel& pixel : scene.hot_pixels)
    // on a colour frame a hot pixel belongs to one colour of the mosaic
    if ((pixel.x + pixel.y) % options.channels == channel)
      defects.add(DefectKind::hot_pixel, pixel.x + conditions.dx, pixel.y + conditions.dy, pixel.level_adu);
  const std::uint64_t part = 4 * number + static_cast<std::uint64_t>(channel);
  add_cosmic_rays(CounterRandom(options.seed, kCosmicRays, part), options.cosmic_rays, options.width,
                  options.height, defects);
  return defects.take();
}

}  // namespace tilecompile
