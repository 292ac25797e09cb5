#include "tilecompile/coadd/rejected_light.hpp"

namespace tilecompile {

Plane<float> without_rejected_light(const PlaneView<float>& mean, const Plane<float>& low,
                                    const Plane<float>& high, const Plane<std::int32_t>& coverage) {
  Plane<float> kept(mean.width, mean.height);
  for (int y = 0; y < mean.height; ++y)
    for (int x = 0; x < mean.width; ++x) {
      double rejected = 0;
      if (!low.empty() && coverage.at(x, y) > 0)
        rejected = (static_cast<double>(low.at(x, y)) + high.at(x, y)) / coverage.at(x, y);
      kept.at(x, y) = static_cast<float>(mean.at(x, y) - rejected);
    }
  return kept;
}

}  // namespace tilecompile
