#include "sky_pass.hpp"

#include "tilecompile/base/parallel.hpp"
#include "tilecompile/frame/sky_surfaces.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kToleranceOfNoise = 1e-3;  // of a frame: nothing that a mean of many would show

}  // namespace

std::vector<std::vector<Normalization>> normalizations_of(const FrameMetrics& metrics) {
  std::vector<std::vector<Normalization>> all;
  for (const auto& frames : metrics.channels) {
    auto& channel = all.emplace_back();
    for (const FrameChannel& f : frames) channel.push_back(f.normalization);
  }
  return all;
}

void keep_skies(FrameMetrics& metrics, const std::vector<StarLook>& looks, int threads) {
  const SkyMesh mesh = sky_mesh(metrics.image_width, metrics.image_height);
  parallel_for(metrics.channel_count(), threads, [&](int i) {
    const auto c = static_cast<std::size_t>(i);
    std::vector<std::vector<SkySample>> samples;
    for (const StarLook& look : looks) samples.push_back(look.skies[c]);
    const auto surfaces = fit_skies(samples, mesh, kToleranceOfNoise * median_noise(metrics.channels[c]));
    for (std::size_t f = 0; f < surfaces.size(); ++f) keep_sky(metrics.channels[c][f], surfaces[f]);
  });
}

}  // namespace tilecompile
