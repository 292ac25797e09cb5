#include "tilecompile/run/frame_proofs.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "tilecompile/base/log.hpp"
#include "tilecompile/coadd/median_stack.hpp"
#include "tilecompile/detect/reference_stars.hpp"
#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/run/parallel.hpp"

namespace tilecompile {
namespace {

constexpr int kMostMedianFrames = 31;  // odd: the middle one of so many is a sample of a single frame
constexpr double kSaturationShare = 0.95;
constexpr std::size_t kMostProofStars = 200;
constexpr std::size_t kMemoryShare = 4;  // of the memory limit, for the band of the median
constexpr std::size_t kPixelsAtOnce = 4096;
constexpr int kCandidates = 9;          // frames of which one becomes the reference of groups
constexpr double kManyBad = 0.4;        // share of bad frames from which the median itself is doubted
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

void stop_if_asked(const ProofJob& job) {
  if (job.check_stop) job.check_stop();
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
  const auto least =
      static_cast<std::size_t>(std::ceil(kLeastCoverage * static_cast<double>(frames.size())));
  const std::size_t row_bytes = frames.size() * width * sizeof(float);
  const auto height = static_cast<std::size_t>(manifest.height());
  const std::size_t rows =
      std::clamp<std::size_t>(job.memory_limit_bytes / kMemoryShare / row_bytes, 1, height);
  const auto samples = std::make_unique_for_overwrite<float[]>(frames.size() * rows * width);
  Plane<float> stack(manifest.width(), manifest.height());
  for (std::size_t y0 = 0; y0 < height; y0 += rows) {
    stop_if_asked(job);
    const std::size_t here = std::min(rows, height - y0), pixels = here * width;
    parallel_for(static_cast<int>(frames.size()), job.threads, [&](int i) {
      const auto k = static_cast<std::size_t>(i);
      job.source.open(frames[k]).read_rows(static_cast<int>(channel_of(job)), static_cast<int>(y0),
                                           static_cast<int>(here), samples.get() + k * pixels);
    });
    float* out = stack.row(static_cast<int>(y0));
    parallel_for(static_cast<int>((pixels + kPixelsAtOnce - 1) / kPixelsAtOnce), job.threads, [&](int b) {
      const std::size_t first = static_cast<std::size_t>(b) * kPixelsAtOnce;
      median_over_frames(samples.get(), pixels, offsets, least, first, std::min(pixels, first + kPixelsAtOnce),
                         out);
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

std::string described(const ProofJob& job, const FrameProof& proof, const ProofList& list, int frame) {
  const Plane<float> plane = read_plane(job, frame);
  const std::vector<ReferenceStar> own = detect_reference_stars(plane).stars;
  return describe_bad_proof(proof, match_fields(list.stars, own, plane.width(), plane.height()),
                            static_cast<int>(own.size()));
}

std::vector<BadFrame> describe_all(const ProofJob& job, const std::vector<FrameProof>& proofs,
                                   const ProofList& list) {
  std::vector<std::string> reasons(proofs.size());
  parallel_for(static_cast<int>(proofs.size()), job.threads, [&](int f) {
    const auto i = static_cast<std::size_t>(f);
    if (proofs[i].bad()) reasons[i] = described(job, proofs[i], list, f);
  });
  std::vector<BadFrame> bad;
  for (std::size_t f = 0; f < proofs.size(); ++f)
    if (proofs[f].bad()) bad.push_back({job.source.manifest().frames[f].path, reasons[f]});
  return bad;
}

// The frame of a few that shows most stars, as a list; ties go to the earlier one.
std::pair<ProofList, int> richest_frame(const ProofJob& job) {
  const Frames frames = spread(static_cast<int>(job.source.manifest().frames.size()), kCandidates);
  std::vector<ProofList> lists(frames.size());
  parallel_for(static_cast<int>(frames.size()), job.threads, [&](int i) {
    const auto k = static_cast<std::size_t>(i);
    lists[k] = list_stars(read_plane(job, frames[k]), std::numeric_limits<double>::infinity());
  });
  std::size_t best = 0;
  for (std::size_t k = 1; k < lists.size(); ++k)
    if (lists[k].stars.size() > lists[best].stars.size()) best = k;
  return {std::move(lists[best]), frames[best]};
}

std::vector<FrameProof> prove_all(const ProofJob& job, const Analysis& analysis, const ProofList& list) {
  std::vector<FrameProof> proofs(job.source.manifest().frames.size());
  parallel_for(static_cast<int>(proofs.size()), job.threads, [&](int f) {
    stop_if_asked(job);
    const Plane<float> plane = read_plane(job, f);
    proofs[static_cast<std::size_t>(f)] =
        prove_frame(plane.view(), analysis.metrics.channels[channel_of(job)][static_cast<std::size_t>(f)], list);
  });
  return proofs;
}

std::size_t count_bad(const std::vector<FrameProof>& proofs) {
  return static_cast<std::size_t>(
      std::count_if(proofs.begin(), proofs.end(), [](const FrameProof& p) { return p.bad(); }));
}

ProofVerdict compare_with_one_frame(const ProofJob& job, const Analysis& analysis) {
  const auto [list, reference] = richest_frame(job);
  ProofVerdict verdict;
  if (static_cast<int>(list.stars.size()) < kFewestProofStars) return verdict;
  const std::vector<FrameProof> proofs = prove_all(job, analysis, list);
  verdict.bad = describe_all(job, proofs, list);
  const std::size_t all = proofs.size(), bad = verdict.bad.size();
  if (2 * bad < all || bad == 0) return verdict;
  verdict.groups = "the frames fall into two groups: " + std::to_string(all - bad) + " show the stars of " +
                   job.source.manifest().frames[static_cast<std::size_t>(reference)].path +
                   " at their places, " + std::to_string(bad) + " do not, first of them " +
                   verdict.bad.front().path;
  return verdict;
}

}  // namespace

ProofList find_proof_stars(const ProofJob& job, const Analysis& analysis) {
  const std::size_t channel = channel_of(job);
  double saturation = job.method.data.saturation;
  if (!(saturation > 0)) saturation = kSaturationShare * job.source.open(0).facts().largest_code;
  saturation -= analysis.metrics.sky[channel];
  if (!std::isfinite(saturation)) saturation = std::numeric_limits<double>::infinity();
  return list_stars(median_stack(job, analysis), saturation);
}

ProofVerdict judge_proofs(const ProofJob& job, const Analysis& analysis, const ProofList& list) {
  const std::size_t bad = count_bad(analysis.proofs);
  const bool few_stars = static_cast<int>(list.stars.size()) < kFewestProofStars;
  ProofVerdict verdict;
  if (few_stars || static_cast<double>(bad) > kManyBad * static_cast<double>(analysis.proofs.size()))
    verdict = compare_with_one_frame(job, analysis);
  if (few_stars && verdict.bad.empty())
    verdict.warning =
        "fewer than " + std::to_string(kFewestProofStars) +
        " stars stand out of the median of the frames: they cannot be checked by their stars, so a dark or a "
        "frame of another field among them would go unseen; look through them";
  if (!few_stars && bad > 0 && verdict.bad.empty()) verdict.bad = describe_all(job, analysis.proofs, list);
  return verdict;
}

}  // namespace tilecompile
