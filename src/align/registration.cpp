#include "tilecompile/align/registration.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tilecompile/frame/csv.hpp"

namespace tilecompile {
namespace {

constexpr int kMostCandidates = 32;
constexpr double kLeastArea = 0.7, kLargestArea = 1.4;  // scales of 0.9 to 1.1, and what distortion adds

template <class... Values>
std::string text(const char* format, Values... values) {
  char line[256];
  std::snprintf(line, sizeof line, format, values...);
  return line;
}

// Nowhere on the frame folded, and of a scale that a camera can have: what few stars in one corner do not
// tell of the others.
bool holds_everywhere(const Transform& t, const FrameStars& frame) {
  for (const double y : {0.0, 0.5, 1.0})
    for (const double x : {0.0, 0.5, 1.0}) {
      const double here = area(t, {x * frame.width, y * frame.height});
      if (!(here > kLeastArea && here < kLargestArea)) return false;
    }
  return true;
}

std::optional<Transform> fit_by_rules(const std::vector<StarPair>& pairs, const FrameStars& frame,
                                      const FitRules& rules) {
  if (rules.model) return fit_transform(pairs, *rules.model);
  const auto best = fit_best_transform(pairs);
  if (!best || holds_everywhere(*best, frame)) return best;
  return fit_transform(pairs, TransformModel::kSimilarity);
}

std::string no_match(const StarMatch& match, std::size_t reference, std::size_t frame,
                     const FitRules& rules) {
  if (frame < static_cast<std::size_t>(rules.min_star_matches))
    return text("shows %zu stars, fewer than registration.min_star_matches = %d: cloud, or out of focus?",
                frame, rules.min_star_matches);
  if (match.mirrored)
    return "is a mirror image of the reference: taken through another light path, or saved flipped? mirror "
           "it back";
  return text("its %zu stars are none of the reference's %zu: cloud, another field, or out of focus?", frame,
              reference);
}

FrameFit fit_pairs(const std::vector<StarPair>& pairs, const FrameStars& frame, const FitRules& rules) {
  FrameFit fit;
  fit.matched = static_cast<int>(pairs.size());
  if (fit.matched < rules.min_star_matches) {
    fit.problem =
        text("%d of its %zu stars are those of the reference, fewer than registration.min_star_matches = %d",
             fit.matched, frame.chosen.size(), rules.min_star_matches);
    return fit;
  }
  const auto t = fit_by_rules(pairs, frame, rules);
  if (!t || !holds_everywhere(*t, frame)) {
    fit.problem = text("%d stars are those of the reference, but they fix no transform over the whole frame",
                       fit.matched);
    return fit;
  }
  fit.rms_px = residual_rms_px(*t, pairs);
  if (fit.rms_px > kLargestRms_px)
    fit.problem = text(
        "its %d stars lie %.2f px rms beside their places, more than %.0f px: trailed, or bent more "
        "than a %s transform can follow?",
        fit.matched, fit.rms_px, kLargestRms_px, model_name(t->model));
  else
    fit.transform = t;
  return fit;
}

}  // namespace

std::vector<int> reference_candidates(const std::vector<FrameStars>& frames) {
  const auto all = static_cast<std::int64_t>(frames.size());
  const std::int64_t n = std::min<std::int64_t>(all, kMostCandidates);
  std::vector<int> candidates;
  for (std::int64_t i = 0; i < n; ++i) {
    const auto f = static_cast<int>((2 * i + 1) * all / (2 * n));
    if (frames[static_cast<std::size_t>(f)].found > 0) candidates.push_back(f);
  }
  const auto merit = [&](int f) {
    const FrameStars& s = frames[static_cast<std::size_t>(f)];
    return s.found / (s.fwhm_px * s.fwhm_px);
  };
  std::sort(candidates.begin(), candidates.end(),
            [&](int a, int b) { return merit(a) != merit(b) ? merit(a) > merit(b) : a < b; });
  return candidates;
}

FrameFit fit_frame(const std::vector<FrameStar>& reference, const FrameStars& frame, const FitRules& rules) {
  const StarMatch match = match_stars(reference, frame.chosen);
  if (!match.pairs.empty()) return fit_pairs(match.pairs, frame, rules);
  FrameFit fit;
  fit.problem = no_match(match, reference.size(), frame.chosen.size(), rules);
  return fit;
}

FrameFit fit_through(const FrameStars& neighbour, const Transform& known, const FrameStars& frame,
                     const FitRules& rules) {
  std::vector<StarPair> pairs;
  for (StarPair pair : match_stars(neighbour.chosen, frame.chosen).pairs) {
    const auto place = unmap(known, pair.reference);
    if (!place) continue;
    pair.reference = *place;
    pairs.push_back(pair);
  }
  return fit_pairs(pairs, frame, rules);
}

FrameFacts facts_as_read(FrameFacts raw, const Registration& registration) {
  raw.width = registration.grid.width;
  raw.height = registration.grid.height;
  raw.channels = registration.channels();
  raw.code_step = 0;
  raw.largest_code = kNotStated;
  raw.bayer_pattern.clear();
  return raw;
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
