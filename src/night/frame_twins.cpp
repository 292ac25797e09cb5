#include "frame_twins.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/header/same_exposure.hpp"

namespace tilecompile {
namespace {

constexpr int kRowPairs = 16;
constexpr std::size_t kMostCompared = 256;  // frames of one time: the clock stood still
constexpr std::size_t kFewOfOneTime = 3;    // more state the start of the night, not of the exposure

/// Nothing of a frame whose pixels cannot be read: that is told later, with all that is wrong.
NoiseSigns signs_of(const FrameSource& source, std::size_t i) try {
  OpenFrame frame = source.open(static_cast<int>(i));
  const auto [width, height] = std::pair{frame.facts().width, frame.facts().height};
  const int pairs = std::min(kRowPairs, height / (2 * kNoisePairPx));
  std::vector<float> samples(2 * static_cast<std::size_t>(pairs) * static_cast<std::size_t>(width));
  float* row = samples.data();
  for (int k = 0; k < pairs; ++k)
    for (const int below : {0, kNoisePairPx}) {
      frame.read_rows(0, static_cast<int>(static_cast<std::int64_t>(k) * height / pairs) + below, 1, row);
      row += width;
    }
  return noise_signs(samples, width);
} catch (const InputError&) {
  return {};
}

/// Single rows are looked at: whole frames would be kept for nobody.
FrameOrigin without_keeping(FrameOrigin origin) {
  origin.kept = nullptr;
  return origin;
}

/// The frames of a folder on their way to those that are there once.
class TwinSearch {
 public:
  TwinSearch(const FrameOrigin& origin, std::shared_ptr<const Manifest> manifest,
             const std::shared_ptr<VerifiedFiles>& verified, int threads, Observer& observer)
      : manifest_(std::move(manifest)),
        source_(without_keeping(origin), manifest_, ZeroIsNodata::kNever, verified),
        threads_(threads),
        observer_(observer) {}

  void leave_out_equal_content() {
    std::map<std::string, std::size_t> first;
    for (std::size_t i = 0; i < manifest_->frames.size(); ++i) {
      if (manifest_->frames[i].sha256.empty()) continue;  // is there once
      const auto [known, is_new] = first.try_emplace(manifest_->frames[i].sha256, i);
      if (!is_new) reasons_[i] = "has the same content as " + path(known->second) + ": counted once";
    }
  }

  void leave_out_equal_noise(const TwinCandidates& group) {
    std::vector<std::size_t> kept, frames;
    for (const std::size_t i : group.frames)
      if (reasons_.count(i) == 0) frames.push_back(i);
    const bool compare = frames.size() > 1 && frames.size() <= kMostCompared;
    std::map<std::size_t, NoiseSigns> signs;
    if (compare) signs = read_signs(frames);
    for (const std::size_t i : frames) {
      const auto twin = std::find_if(kept.begin(), kept.end(), [&](std::size_t k) {
        return compare && same_noise(signs.at(k), signs.at(i));
      });
      if (twin == kept.end())
        kept.push_back(i);
      else
        reasons_[i] = "is the exposure of " + path(*twin) + " once more, with the same noise: counted once";
    }
    if (kept.size() < 2 || !group.same_time) return;
    (kept.size() > kFewOfOneTime ? stopped_clock_ : same_time_).insert(kept.begin(), kept.end());
  }

  FrameTwins result() const {
    FrameTwins twins;
    for (const auto& [i, reason] : reasons_) twins.left_out.push_back({path(i), reason});
    const std::string of_all = " of " + std::to_string(manifest_->frames.size()) + " frames state ";
    if (!same_time_.empty())
      twins.warnings.push_back(std::to_string(same_time_.size()) + of_all +
                               "the start and exposure of another, but show other pixels; all are counted, "
                               "so take them out where one exposure is there in two versions: " +
                               names(same_time_));
    if (!stopped_clock_.empty())
      twins.warnings.push_back(
          std::to_string(stopped_clock_.size()) + of_all +
          "one and the same start, so their DATE-OBS is not that of the exposure: " + names(stopped_clock_));
    return twins;
  }

 private:
  const std::string& path(std::size_t i) const { return manifest_->frames[i].path; }
  std::map<std::size_t, NoiseSigns> read_signs(const std::vector<std::size_t>& frames) const {
    std::map<std::size_t, NoiseSigns> signs;
    for (const std::size_t i : frames) signs[i];
    parallel_for(static_cast<int>(frames.size()), threads_, [&](int k) {
      observer_.check_stop();
      const std::size_t i = frames[static_cast<std::size_t>(k)];
      signs.at(i) = signs_of(source_, i);
    });
    return signs;
  }
  std::string names(const std::set<std::size_t>& frames) const {
    std::vector<std::string> paths;
    for (const std::size_t i : frames) paths.push_back(path(i));
    return some_names(paths);
  }

  std::shared_ptr<const Manifest> manifest_;
  FrameSource source_;
  int threads_;
  Observer& observer_;
  std::map<std::size_t, std::string> reasons_;  // frame -> why it is left out
  std::set<std::size_t> same_time_, stopped_clock_;
};

}  // namespace

FrameTwins find_twins(const FrameOrigin& origin, const Manifest& manifest,
                      const std::shared_ptr<VerifiedFiles>& verified, int threads, Observer& observer) {
  TwinSearch search(origin, std::make_shared<const Manifest>(manifest), verified, threads, observer);
  search.leave_out_equal_content();
  for (const TwinCandidates& group : twin_candidates(manifest)) search.leave_out_equal_noise(group);
  return search.result();
}

}  // namespace tilecompile
