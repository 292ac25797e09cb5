#include "tilecompile/passes/frame_proofs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "spread_frames.hpp"
#include "structure_proofs.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/detect/reference_stars.hpp"
#include "tilecompile/frame/frame_structure.hpp"
#include "tilecompile/frame/star_shape.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMostProofStars = 200;
constexpr int kCandidates = 9;        // frames of which one becomes the reference of groups
constexpr double kSamePlacePx = 1.5;  // between a star in two registered frames
constexpr std::size_t kGroups = 3;    // more groups than that are frames that are not registered

using Frames = std::vector<int>;

std::size_t channel_of(const ProofJob& job) {
  return static_cast<std::size_t>(reference_channel(job.source.manifest().channels()));
}

Plane<float> read_plane(const ProofJob& job, int frame) {
  Plane<float> plane(job.source.manifest().width(), job.source.manifest().height());
  job.source.open(frame).read_rows(static_cast<int>(channel_of(job)), 0, plane.height(), plane.data());
  return plane;
}

ProofList list_stars(const Plane<float>& picture, double saturation) {
  const StarCatalogue catalogue = detect_reference_stars(picture, saturation);
  ProofList list;
  list.fwhm_px = catalogue.fwhm_px;
  list.star_radius_px = catalogue.star_radius_px;
  for (const ReferenceStar& star : catalogue.stars) {
    if (list.stars.size() == kMostProofStars) break;
    const StarShape shape = measure_star(picture.view(), star.x, star.y, list.star_radius_px);
    if (!shape.measured) continue;
    list.stars.push_back(star);
    list.flux.push_back(shape.peak * shape.fwhm_px * shape.fwhm_px);
  }
  return list;
}

// In the units of the frame.
double noise_of(const FrameChannel& frame) { return frame.noise / frame.normalization.gain; }

// Bad frames with their causes, and how many of them show the stars at other places.
struct Causes {
  std::vector<BadFrame> bad;
  std::size_t elsewhere = 0;
};

Causes find_causes(const ProofJob& job, const std::vector<FrameProof>& proofs, const ProofList& list) {
  std::vector<std::string> reasons(proofs.size());
  std::vector<char> elsewhere(proofs.size(), 0);
  parallel_for(static_cast<int>(proofs.size()), job.threads, [&](int f) {
    const auto i = static_cast<std::size_t>(f);
    if (!proofs[i].bad()) return;
    job.observer.check_stop();
    const Plane<float> plane = read_plane(job, f);
    const std::vector<ReferenceStar> own = detect_reference_stars(plane).stars;
    const FieldMatch match = match_fields(list.stars, own, plane.width(), plane.height());
    reasons[i] = describe_bad_proof(proofs[i], match, static_cast<int>(own.size()));
    elsewhere[i] = match.matched > 0 ? 1 : 0;
  });
  Causes causes;
  for (std::size_t f = 0; f < proofs.size(); ++f) {
    if (proofs[f].bad()) causes.bad.push_back({job.source.manifest().frames[f].path, reasons[f]});
    causes.elsewhere += elsewhere[f] != 0 ? 1 : 0;
  }
  return causes;
}

struct OneFrame {
  int index = 0;
  ProofList list;
};

// The stars of lists[k] that another list has at the same place: hot pixels of registered frames, which stay
// on the sensor, are not among them.
ProofList seen_twice(const std::vector<ProofList>& lists, std::size_t k) {
  const auto elsewhere = [&](const ReferenceStar& star) {
    return std::any_of(lists.begin(), lists.end(), [&](const ProofList& other) {
      return &other != &lists[k] &&
             std::any_of(other.stars.begin(), other.stars.end(), [&](const ReferenceStar& o) {
               const double dx = o.x - star.x, dy = o.y - star.y;
               return dx * dx + dy * dy <= kSamePlacePx * kSamePlacePx;
             });
    });
  };
  ProofList seen = lists[k];
  seen.stars.clear();
  seen.flux.clear();
  for (std::size_t s = 0; s < lists[k].stars.size(); ++s)
    if (elsewhere(lists[k].stars[s])) {
      seen.stars.push_back(lists[k].stars[s]);
      seen.flux.push_back(lists[k].flux[s]);
    }
  return seen;
}

std::size_t richest(const std::vector<ProofList>& lists) {
  std::size_t best = 0;
  for (std::size_t k = 1; k < lists.size(); ++k)
    if (lists[k].stars.size() > lists[best].stars.size()) best = k;
  return best;
}

// The frame of a few that shows most stars, of those that another one shows too where frames lie on one
// another; ties go to the earlier one. Bad ones are no candidates.
OneFrame richest_frame(const ProofJob& job, const Analysis& analysis) {
  const Frames frames = spread_over(static_cast<int>(analysis.proofs.size()), kCandidates);
  std::vector<ProofList> lists(frames.size());
  parallel_for(static_cast<int>(frames.size()), job.threads, [&](int i) {
    const auto k = static_cast<std::size_t>(i), f = static_cast<std::size_t>(frames[k]);
    if (analysis.proofs[f].bad()) return;
    lists[k] = list_stars(read_plane(job, frames[k]), std::numeric_limits<double>::infinity());
    lists[k].noise = noise_of(analysis.metrics.channels[channel_of(job)][f]);
  });
  std::vector<ProofList> seen;
  for (std::size_t k = 0; k < lists.size(); ++k) seen.push_back(seen_twice(lists, k));
  std::size_t best = richest(seen);
  if (static_cast<int>(seen[best].stars.size()) >= kFewestProofStars)
    return {frames[best], std::move(seen[best])};
  best = richest(lists);
  return {frames[best], std::move(lists[best])};
}

}  // namespace

std::vector<FrameProof> prove_frames(const ProofJob& job, const Analysis& analysis, const ProofList& list) {
  std::vector<FrameProof> proofs(job.source.manifest().frames.size());
  parallel_for(static_cast<int>(proofs.size()), job.threads, [&](int f) {
    job.observer.check_stop();
    const Plane<float> plane = read_plane(job, f);
    proofs[static_cast<std::size_t>(f)] = prove_frame(
        plane.view(), analysis.metrics.channels[channel_of(job)][static_cast<std::size_t>(f)], list);
  });
  return proofs;
}

namespace {

std::size_t count_proved(const std::vector<FrameProof>& proofs) {
  return static_cast<std::size_t>(std::count_if(proofs.begin(), proofs.end(), [](const FrameProof& p) {
    return p.outcome == FrameProof::Outcome::kProved;
  }));
}

constexpr const char* kOnPurpose =
    " (frames that follow a comet or an asteroid, not the stars, want input.prove_frames: false)";

std::string groups_text(const std::string& reference, std::size_t proved, std::size_t all,
                        const BadFrame& first) {
  const std::string those = " show the stars of " + reference + " at their places";
  if (kGroups * proved < all)
    return "the frames do not lie on one another: only " + std::to_string(proved) + " of " +
           std::to_string(all) + those + kOnPurpose;
  return "the frames fall into two groups: " + std::to_string(proved) + those + ", " +
         std::to_string(all - proved) + " do not, first of them " + first.path + kOnPurpose;
}

// Nothing when even the richest frame has few stars, or no other frame shows them anywhere.
std::optional<ProofVerdict> compare_with_one_frame(const ProofJob& job, const Analysis& analysis) {
  const OneFrame one = richest_frame(job, analysis);
  if (static_cast<int>(one.list.stars.size()) < kFewestProofStars) return std::nullopt;
  const std::vector<FrameProof> proofs = prove_frames(job, analysis, one.list);
  Causes causes = find_causes(job, proofs, one.list);
  const std::size_t all = proofs.size(), bad = causes.bad.size(), proved = count_proved(proofs);
  if (bad > 0 && proved + causes.elsewhere < 2) return std::nullopt;
  ProofVerdict verdict;
  verdict.bad = std::move(causes.bad);
  verdict.proofs = proofs;
  if (2 * bad >= all && bad > 0)
    verdict.groups = groups_text(job.source.manifest().frames[static_cast<std::size_t>(one.index)].path,
                                 proved, all, verdict.bad.front());
  return verdict;
}

}  // namespace

ProofList find_proof_stars(const ProofJob& job, const Analysis& analysis, FramePasses& passes) {
  if (!job.wanted) return {};
  const std::size_t channel = channel_of(job);
  double saturation = saturated_from(job.source, job.method.data) - analysis.metrics.sky[channel];
  if (!std::isfinite(saturation)) saturation = std::numeric_limits<double>::infinity();
  const Plane<float> picture = passes.proof_median(analysis.metrics, job.memory_limit_bytes);
  ProofList list = list_stars(picture, saturation);
  if (static_cast<int>(list.stars.size()) < kFewestProofStars)
    list.structure = structure_cells(picture.view());
  std::vector<double> noise;
  for (const FrameChannel& f : analysis.metrics.channels[channel]) noise.push_back(noise_of(f));
  list.noise = median(std::move(noise));
  return list;
}

ProofList find_proof_stars(const ProofJob& job, const Analysis& analysis) {
  LocalPasses passes(job.source, job.method, job.threads, job.observer);
  return find_proof_stars(job, analysis, passes);
}

ProofVerdict judge_proofs(const ProofJob& job, const Analysis& analysis, const ProofList& list) {
  if (!job.wanted) return {};
  const bool few_stars = static_cast<int>(list.stars.size()) < kFewestProofStars;
  if (few_stars || shows_a_mixture(analysis.proofs)) {
    if (const auto verdict = compare_with_one_frame(job, analysis)) return *verdict;
    if (few_stars) return judge_by_structure(job, analysis, list);
  }
  return {find_causes(job, analysis.proofs, list).bad, {}, {}, analysis.proofs};
}

namespace {

bool same_stars(const ProofList& a, const ProofList& b) {
  const auto same = [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); };
  return a.stars == b.stars && a.flux == b.flux &&
         std::equal(a.structure.begin(), a.structure.end(), b.structure.begin(), b.structure.end(), same);
}

}  // namespace

ProofVerdict judge_proofs_of_others(const ProofJob& job, const Analysis& analysis, const ProofList& list,
                                    const FrameMetrics& before) {
  ProofVerdict verdict = judge_proofs(job, analysis, list);
  if (verdict.bad.empty() && verdict.groups.empty()) return verdict;
  Analysis own;
  own.metrics = before;
  const ProofList stars = find_proof_stars(job, own);
  if (same_stars(stars, list)) return verdict;
  log_warning(
      "workers gave another median of the frames than this process finds: frames are judged by its own");
  own.proofs = prove_frames(job, own, stars);
  return judge_proofs(job, own, stars);
}

}  // namespace tilecompile
