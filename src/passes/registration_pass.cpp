#include "tilecompile/passes/registration_pass.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/detect/frame_stars.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostReferences = 4;
constexpr int kMostNeighbours = 8;

void find_stars(const RawFrames& frames, NightFits& night) {
  std::atomic<int> done{0};
  parallel_for(static_cast<int>(night.stars.size()), frames.threads, [&](int i) {
    frames.observer.check_stop();
    const auto f = static_cast<std::size_t>(i);
    try {
      FrameReader raw(frames.source.file(i).path, ZeroIsNodata::kNever);
      night.stars[f] = detect_frame_stars(calibrated_frame(raw, frames.masters_of(i), frames.cfa_pattern),
                                          frames.saturation);
    } catch (const InputError& e) {
      night.fits[f].problem = e.what();
    }
    frames.observer.progress(++done);
  });
}

int used(const std::vector<FrameFit>& fits) {
  return static_cast<int>(
      std::count_if(fits.begin(), fits.end(), [](const FrameFit& f) { return f.transform.has_value(); }));
}

// Every frame that can be read fitted to this reference.
std::vector<FrameFit> fit_to(const RawFrames& frames, const NightFits& night, int reference,
                             const FitRules& rules) {
  std::vector<FrameFit> fits = night.fits;
  parallel_for(static_cast<int>(fits.size()), frames.threads, [&](int i) {
    frames.observer.check_stop();
    const auto f = static_cast<std::size_t>(i);
    if (!fits[f].problem.empty()) return;
    if (i == reference) {
      fits[f].transform = shift_transform(0, 0);
      fits[f].matched = static_cast<int>(night.stars[f].chosen.size());
      return;
    }
    fits[f] = fit_frame(night.stars[static_cast<std::size_t>(reference)].chosen, night.stars[f], rules);
  });
  return fits;
}

// One frame through the nearest of its neighbours that fit; its own problem stays where none helps.
FrameFit chained(const NightFits& night, int frame, const FitRules& rules) {
  const auto frames = static_cast<int>(night.fits.size());
  const FrameStars& stars = night.stars[static_cast<std::size_t>(frame)];
  int tried = 0;
  for (int away = 1; away < frames && tried < kMostNeighbours; ++away)
    for (const int other : {frame - away, frame + away}) {
      if (other < 0 || other >= frames || tried == kMostNeighbours) continue;
      const auto o = static_cast<std::size_t>(other);
      if (!night.fits[o].transform) continue;
      ++tried;
      FrameFit fit = fit_through(night.stars[o], *night.fits[o].transform, stars, rules);
      if (!fit.transform) continue;
      fit.through = other;
      return fit;
    }
  return night.fits[static_cast<std::size_t>(frame)];
}

// Rounds over the frames that do not fit, until one helps nobody.
void chain(const RawFrames& frames, NightFits& night, const FitRules& rules) {
  for (int before = 0, now = used(night.fits); now > before && now > 1;) {
    const NightFits known = night;
    parallel_for(static_cast<int>(night.fits.size()), frames.threads, [&](int i) {
      const auto f = static_cast<std::size_t>(i);
      if (!night.fits[f].transform && !night.stars[f].chosen.empty())
        night.fits[f] = chained(known, i, rules);
    });
    before = std::exchange(now, used(night.fits));
  }
}

}  // namespace

NightFits register_night(const RawFrames& frames, int reference_asked_for, const FitRules& rules) {
  NightFits night;
  night.stars.resize(frames.source.manifest().frames.size());
  night.fits.resize(night.stars.size());
  find_stars(frames, night);
  auto candidates =
      reference_asked_for < 0 ? reference_candidates(night.stars) : std::vector{reference_asked_for};
  candidates.resize(std::min(candidates.size(), kMostReferences));
  auto best = night.fits;
  for (const int candidate : candidates) {
    std::vector<FrameFit> fits = fit_to(frames, night, candidate, rules);
    if (night.reference >= 0 && used(fits) <= used(best)) continue;
    best = std::move(fits);
    night.reference = candidate;
    if (2 * used(best) > static_cast<int>(best.size())) break;
  }
  night.fits = std::move(best);
  chain(frames, night, rules);
  return night;
}

}  // namespace tilecompile
