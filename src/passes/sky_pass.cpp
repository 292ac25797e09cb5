#include "sky_pass.hpp"

#include "tilecompile/base/parallel.hpp"
#include "tilecompile/frame/sky_surfaces.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

constexpr double kToleranceOfNoise = 1e-3;  // of a frame: nothing that a mean of many would show

}  // namespace

SkyPass::SkyPass(Analysis& analysis)
    : analysis_(analysis),
      mesh_(sky_mesh(analysis.metrics.image_width, analysis.metrics.image_height)),
      samples_(analysis.metrics.channels.size()) {
  for (const auto& frames : analysis.metrics.channels) {
    auto& part = part_.emplace_back();
    for (const FrameChannel& f : frames) part.push_back(f.normalization);
  }
  for (auto& frames : samples_) frames.resize(static_cast<std::size_t>(analysis.metrics.frame_count()));
}

void SkyPass::measure(std::size_t channel, std::size_t frame, const PlaneView<float>& plane) {
  const SkyReference reference{analysis_.classical[channel].view(), analysis_.coverage[channel].view(),
                               part_[channel][frame]};
  samples_[channel][frame] =
      sample_sky(plane, analysis_.metrics.channels[channel][frame].normalization, reference, mesh_);
}

void SkyPass::finish(int threads) {
  auto& channels = analysis_.metrics.channels;
  parallel_for(static_cast<int>(channels.size()), threads, [&](int i) {
    const auto c = static_cast<std::size_t>(i);
    std::vector<double> noise;
    for (const FrameChannel& f : channels[c]) noise.push_back(f.noise);
    const auto surfaces = fit_skies(samples_[c], mesh_, kToleranceOfNoise * median(std::move(noise)));
    for (std::size_t f = 0; f < surfaces.size(); ++f) keep_sky(channels[c][f], surfaces[f]);
  });
}

}  // namespace tilecompile
