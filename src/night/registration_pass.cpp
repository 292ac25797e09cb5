#include "tilecompile/night/registration_pass.hpp"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/detect/frame_stars.hpp"
#include "tilecompile/frame/csv.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostReferences = 4;
constexpr int kMostNeighbours = 8;

int frame_count(const RawFrames& frames) { return static_cast<int>(frames.source.manifest().frames.size()); }

void find_stars(const RawFrames& frames, NightFits& night) {
  std::atomic<int> done{0};
  parallel_for(frame_count(frames), frames.threads, [&](int i) {
    if (frames.check_stop) frames.check_stop();
    const auto f = static_cast<std::size_t>(i);
    try {
      FrameReader raw(frames.source.file(i).path, ZeroIsNodata::kNever);
      night.stars[f] = detect_frame_stars(calibrated_frame(raw, frames.masters_of(i), frames.cfa_pattern),
                                          frames.saturation);
    } catch (const InputError& e) {
      night.fits[f].problem = e.what();
    }
    if (frames.progress) frames.progress(++done);
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
    if (frames.check_stop) frames.check_stop();
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
    before = now;
    now = used(night.fits);
  }
}

}  // namespace

NightFits register_night(const RawFrames& frames, int reference_asked_for, const FitRules& rules) {
  NightFits night;
  night.stars.resize(static_cast<std::size_t>(frame_count(frames)));
  night.fits.resize(night.stars.size());
  find_stars(frames, night);
  std::vector<int> candidates{reference_asked_for};
  if (reference_asked_for < 0) candidates = reference_candidates(night.stars);
  candidates.resize(std::min(candidates.size(), kMostReferences));
  std::vector<FrameFit> best = night.fits;
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

std::string registration_csv(const NightFits& night, const std::vector<std::string>& paths) {
  std::string csv =
      "frame,path,used,stars,fwhm_px,matched,rms_px,transform,rotation_deg,scale,shift_x_px,shift_y_px,"
      "through,"
      "problem\n";
  for (std::size_t f = 0; f < paths.size(); ++f) {
    const FrameFit& fit = night.fits[f];
    const FrameStars& stars = night.stars[f];
    char numbers[256];
    std::snprintf(numbers, sizeof numbers, ",%d,%d,%.3f,%d,%.4f,", fit.transform ? 1 : 0, stars.found,
                  stars.fwhm_px, fit.matched, fit.rms_px);
    csv += std::to_string(f) + "," + csv_field(paths[f]) + numbers;
    if (fit.transform) {
      const TransformFigures t =
          figures_of(*fit.transform, {0.5 * (stars.width - 1), 0.5 * (stars.height - 1)});
      std::snprintf(numbers, sizeof numbers, "%s,%.5f,%.7f,%.3f,%.3f,", model_name(fit.transform->model),
                    t.rotation_deg, t.scale, t.shift_x_px, t.shift_y_px);
      csv += numbers;
    } else {
      csv += ",,,,,";
    }
    csv += (fit.through < 0 ? "" : csv_field(paths[static_cast<std::size_t>(fit.through)])) + "," +
           csv_field(fit.problem) + "\n";
  }
  return csv;
}

}  // namespace tilecompile
