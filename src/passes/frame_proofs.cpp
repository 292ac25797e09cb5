#include "tilecompile/passes/frame_proofs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "structure_proofs.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/coadd/median_stack.hpp"
#include "tilecompile/detect/reference_stars.hpp"
#include "tilecompile/frame/frame_structure.hpp"
#include "tilecompile/frame/star_shape.hpp"

namespace tilecompile {
namespace {

constexpr int kMostMedianFrames = 31;  // odd: the middle one of so many is a sample of a single frame
constexpr std::size_t kMostProofStars = 200;
constexpr std::size_t kMemoryShare = 4;  // of the memory limit, for the band of the median
constexpr std::size_t kBandBytes = std::size_t{64} << 20;
constexpr std::size_t kPixelsAtOnce = 4096;
constexpr int kCandidates = 9;              // frames of which one becomes the reference of groups
constexpr double kSamePlacePx = 1.5;        // between a star in two registered frames
constexpr std::size_t kGroups = 3;          // more groups than that are frames that are not registered
constexpr double kLeastCoverage = 1.0 / 3;  // of the frames of the median, at a pixel

using Frames = std::vector<int>;

Frames spread(int frame_count, int most) {
  Frames frames;
  const int n = std::min(frame_count, most);
  for (int i = 0; i < n; ++i)
    frames.push_back(static_cast<int>((2 * static_cast<std::int64_t>(i) + 1) * frame_count / (2 * n)));
  return frames;
}

std::size_t channel_of(const ProofJob& job) {
  return static_cast<std::size_t>(reference_channel(job.source.manifest().channels()));
}

Plane<float> read_plane(const ProofJob& job, int frame) {
  Plane<float> plane(job.source.manifest().width(), job.source.manifest().height());
  job.source.open(frame).read_rows(static_cast<int>(channel_of(job)), 0, plane.height(), plane.data());
  return plane;
}

Plane<float> median_stack(const ProofJob& job, const Analysis& analysis) {
  const Manifest& manifest = job.source.manifest();
  const auto width = static_cast<std::size_t>(manifest.width());
  const Frames frames = spread(static_cast<int>(manifest.frames.size()), kMostMedianFrames);
  std::vector<double> offsets;
  for (const int f : frames)
    offsets.push_back(analysis.metrics.channels[channel_of(job)][static_cast<std::size_t>(f)].background);
  const auto least = static_cast<std::size_t>(std::ceil(kLeastCoverage * static_cast<double>(frames.size())));
  const std::size_t row_bytes = frames.size() * width * sizeof(float);
  const auto height = static_cast<std::size_t>(manifest.height());
  const bool by_rows = manifest.registration.empty() && !job.source.band_samples().packed;
  const std::size_t rows =
      std::clamp<std::size_t>(median_bytes(manifest, by_rows, job.memory_limit_bytes) / row_bytes, 1, height);
  const auto samples = std::make_unique_for_overwrite<float[]>(frames.size() * rows * width);
  // Kept from band to band, but for those that hold an unpacked file too large to keep.
  std::vector<std::optional<OpenFrame>> readers(frames.size());
  const std::size_t most_held = job.memory_limit_bytes / kMemoryShare / frames.size();
  Plane<float> stack(manifest.width(), manifest.height());
  for (std::size_t y0 = 0; y0 < height; y0 += rows) {
    const std::size_t here = std::min(rows, height - y0), pixels = here * width;
    parallel_for(static_cast<int>(frames.size()), job.threads, [&](int i) {
      job.observer.check_stop();
      const auto k = static_cast<std::size_t>(i);
      if (!readers[k]) readers[k].emplace(job.source.open(frames[k]));
      readers[k]->read_rows(static_cast<int>(channel_of(job)), static_cast<int>(y0), static_cast<int>(here),
                            samples.get() + k * pixels);
      if (readers[k]->held_bytes() > most_held) readers[k].reset();
    });
    float* out = stack.row(static_cast<int>(y0));
    parallel_for(static_cast<int>((pixels + kPixelsAtOnce - 1) / kPixelsAtOnce), job.threads, [&](int b) {
      job.observer.check_stop();
      const std::size_t first = static_cast<std::size_t>(b) * kPixelsAtOnce;
      median_over_frames(samples.get(), pixels, offsets, least, first,
                         std::min(pixels, first + kPixelsAtOnce), out);
    });
  }
  return stack;
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
  const Frames frames = spread(static_cast<int>(analysis.proofs.size()), kCandidates);
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

std::size_t median_bytes(const Manifest& manifest, bool by_rows, std::size_t memory_limit_bytes) {
  const std::size_t share = memory_limit_bytes / kMemoryShare;
  const std::size_t whole = std::min<std::size_t>(manifest.frames.size(), kMostMedianFrames) *
                            static_cast<std::size_t>(manifest.width()) *
                            static_cast<std::size_t>(manifest.height()) * sizeof(float);
  return std::min(whole, by_rows ? std::min(share, kBandBytes) : share);
}

ProofList find_proof_stars(const ProofJob& job, const Analysis& analysis) {
  if (!job.wanted) return {};
  const std::size_t channel = channel_of(job);
  double saturation = saturated_from(job.source, job.method.data) - analysis.metrics.sky[channel];
  if (!std::isfinite(saturation)) saturation = std::numeric_limits<double>::infinity();
  const Plane<float> picture = median_stack(job, analysis);
  ProofList list = list_stars(picture, saturation);
  if (static_cast<int>(list.stars.size()) < kFewestProofStars)
    list.structure = structure_cells(picture.view());
  std::vector<double> noise;
  for (const FrameChannel& f : analysis.metrics.channels[channel]) noise.push_back(noise_of(f));
  list.noise = median(std::move(noise));
  return list;
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

}  // namespace tilecompile
