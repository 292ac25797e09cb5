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

int used(const std::vector<FrameFit>& fits) {
  return static_cast<int>(
      std::count_if(fits.begin(), fits.end(), [](const FrameFit& f) { return f.transform.has_value(); }));
}

// Every frame that can be read fitted to this reference.
std::vector<FrameFit> fit_to(const NightFits& night, int reference, const FitRules& rules, int threads,
                             Observer& observer) {
  std::vector<FrameFit> fits = night.fits;
  parallel_for(static_cast<int>(fits.size()), threads, [&](int i) {
    observer.check_stop();
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
void chain(NightFits& night, const FitRules& rules, int threads) {
  for (int before = 0, now = used(night.fits); now > before && now > 1;) {
    const NightFits known = night;
    parallel_for(static_cast<int>(night.fits.size()), threads, [&](int i) {
      const auto f = static_cast<std::size_t>(i);
      if (!night.fits[f].transform && !night.stars[f].chosen.empty())
        night.fits[f] = chained(known, i, rules);
    });
    before = std::exchange(now, used(night.fits));
  }
}

}  // namespace

FrameStars find_frame_stars(const FrameSource& source, int frame, const StarFinding& how) {
  FrameReader raw = source.reader(frame, ZeroIsNodata::kNever);
  const int group = how.group_of_frame.empty() ? -1 : how.group_of_frame[static_cast<std::size_t>(frame)];
  const CalibrationMasters* const masters =
      group < 0 ? nullptr : how.masters[static_cast<std::size_t>(group)].get();
  return detect_frame_stars(calibrated_frame(raw, masters, how.cfa_pattern), how.saturation);
}

NightStars find_night_stars(const FrameSource& source, const StarFinding& how, int threads,
                            Observer& observer) {
  const std::size_t frames = source.manifest().frames.size();
  NightStars found{std::vector<FrameStars>(frames), std::vector<std::string>(frames)};
  std::atomic<int> done{0};
  parallel_for(static_cast<int>(frames), threads, [&](int i) {
    observer.check_stop();
    const auto f = static_cast<std::size_t>(i);
    try {
      found.stars[f] = find_frame_stars(source, i, how);
    } catch (const InputError& e) {
      found.problems[f] = e.what();
    }
    observer.progress(++done);
  });
  return found;
}

NightFits register_night(NightStars found, int reference_asked_for, const FitRules& rules, int threads,
                         Observer& observer) {
  NightFits night;
  night.stars = std::move(found.stars);
  night.fits.resize(night.stars.size());
  for (std::size_t f = 0; f < night.fits.size(); ++f) night.fits[f].problem = std::move(found.problems[f]);
  auto candidates =
      reference_asked_for < 0 ? reference_candidates(night.stars) : std::vector{reference_asked_for};
  candidates.resize(std::min(candidates.size(), kMostReferences));
  auto best = night.fits;
  for (const int candidate : candidates) {
    std::vector<FrameFit> fits = fit_to(night, candidate, rules, threads, observer);
    if (night.reference >= 0 && used(fits) <= used(best)) continue;
    best = std::move(fits);
    night.reference = candidate;
    if (2 * used(best) > static_cast<int>(best.size())) break;
  }
  night.fits = std::move(best);
  chain(night, rules, threads);
  return night;
}

}  // namespace tilecompile
