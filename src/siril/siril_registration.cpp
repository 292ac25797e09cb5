#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <tuple>
#include <utility>

#include "siril_scale.hpp"
#include "siril_text.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/observation_cards.hpp"
#include "tilecompile/siril/frame_pattern.hpp"
#include "tilecompile/siril/siril.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNamesShown = 20;
constexpr double kSecondsAFrame = 60;  // Siril takes well below one; more means that it hangs

std::string numbered(const char* before, int number) {
  char name[40];
  std::snprintf(name, sizeof name, "%s%05d.fit", before, number);
  return name;
}

std::string listed(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = 0; i < std::min(lines.size(), kNamesShown); ++i) text += "\n  " + lines[i];
  if (lines.size() > kNamesShown) text += "\n  and " + std::to_string(lines.size() - kNamesShown) + " more";
  return text;
}

bool is_key(const std::string& record, const std::string& key) {
  return record.compare(0, 8, key + std::string(8 - key.size(), ' ')) == 0;
}

// One registration on its way.
class Registration {
 public:
  Registration(const SirilProgram& siril, const RegistrationJob& job)
      : siril_(siril),
        job_(job),
        options_(*job.registration),
        pattern_(options_.registered_filename_pattern),
        count_(static_cast<int>(job.raw->frames.size())),
        reference_(reference_index()),
        folder_(job.run_directory / "siril"),
        log_(job.run_directory / "siril_register.log"),
        scales_(static_cast<std::size_t>(count_)) {}

  RegisteredFrames run() {
    write_copies();
    std::string output = siril(siril_convert_script(job_.debayer), false);
    SirilMatches matches = match(output);
    std::vector<BadFrame> bad = unregistered(matches);
    const auto lost = [&] { return matches.reference_refused ? count_ : static_cast<int>(bad.size()); };
    const auto try_reference = [&](int index) {
      reference_ = index;
      matches = match(output);
      bad = unregistered(matches);
    };
    int best = reference_, fewest_lost = lost();
    for (const double place : {0.25, 0.75, 0.125, 0.875}) {
      if (2 * fewest_lost <= count_ || !job_.leave_out || options_.reference != "auto") break;
      try_reference(static_cast<int>(count_ * place));
      if (lost() < fewest_lost) std::tie(best, fewest_lost) = std::pair{reference_, lost()};
    }
    if (reference_ != best) try_reference(best);
    if (matches.reference_refused || !bad.empty()) judge(bad, matches, output);
    fs::remove_all(folder_.path() / "raw");
    return write_frames(matches, bad, siril_version(output));
  }

 private:
  const std::string& raw_path(int i) const { return job_.raw->frames[static_cast<std::size_t>(i)].path; }
  fs::path registered_file(int i) const { return folder_.path() / "work" / numbered("r_light_", i + 1); }
  std::string siril(const std::string& script, bool may_fail) {
    return run_siril(siril_, folder_.path(), script, log_, 60 + kSecondsAFrame * count_, may_fail);
  }

  int reference_index() const {
    if (options_.reference == "auto") return count_ / 2;  // drift and rotation are least seen from the middle
    for (int i = 0; i < count_; ++i)
      if (raw_path(i) == options_.reference || fs::path(raw_path(i)).filename() == options_.reference)
        return i;
    throw UsageError("registration.reference '" + options_.reference + "' is no frame of " +
                     job_.raw_dir.string() + ": give a file name, or auto for the middle frame");
  }

  void write_copies();
  /// Registers onto the present reference; `output` becomes what Siril printed.
  SirilMatches match(std::string& output);
  std::vector<BadFrame> unregistered(const SirilMatches& matches) const;
  /// Leaves the frames out, or ends the registration with their names.
  void judge(const std::vector<BadFrame>& bad, const SirilMatches& matches, const std::string& output) const;
  int least_pairs() const { return std::max(kSirilLeastPairs, options_.min_star_matches); }
  RegisteredFrames write_frames(const SirilMatches& matches, const std::vector<BadFrame>& bad,
                                const std::string& version);
  void write_frame(int i, const fs::path& path, const std::vector<std::string>& sky,
                   const std::string& version) const;

  const SirilProgram& siril_;
  const RegistrationJob& job_;
  const RegistrationConfig& options_;
  FramePattern pattern_;
  int count_;
  int reference_;
  SirilFolder folder_;
  fs::path log_;
  std::vector<SirilScale> scales_;  // each frame has its own
};

void Registration::write_copies() {
  fs::create_directories(folder_.path() / "raw");
  fs::create_directories(folder_.path() / "work");
  fs::remove(log_);
  std::vector<std::string> problems(scales_.size());
  parallel_for(count_, siril_.threads, [&](int i) {
    siril_.observer.check_stop();
    const auto index = static_cast<std::size_t>(i);
    const fs::path file = job_.raw_dir / raw_path(i);
    Image image = read_image(file);
    if (const std::size_t missing = scales_[index].add(image); missing > 0)
      problems[index] = raw_path(i) + ": " + std::to_string(missing) + " pixels";
    scales_[index].to_siril(image);
    ProductHeader header;
    header.kept_records = product_header_records(file);  // BAYERPAT and ROWORDER tell how to debayer
    write_image(folder_.path() / "raw" / numbered("raw_", i + 1), image, header);
  });
  problems.erase(std::remove(problems.begin(), problems.end(), ""), problems.end());
  if (!problems.empty())
    throw InputError(
        "raw frames with pixels that have no value (NaN or BLANK), which Siril cannot register:" +
        listed(problems) + "\nfill the pixels or take these frames out of the input folder");
}

SirilMatches Registration::match(std::string& output) {
  for (int i = 0; i < count_; ++i) fs::remove(registered_file(i));  // of a reference tried before
  const int channels = job_.debayer ? 3 : job_.raw->channels();
  std::ofstream(folder_.path() / "work/light_.seq") << siril_sequence_file(count_, channels, reference_ + 1);
  output =
      siril(siril_register_script(options_.min_star_matches, options_.allow_rotation, siril_.threads), true);
  return read_siril_matches(output);
}

std::vector<BadFrame> Registration::unregistered(const SirilMatches& matches) const {
  std::vector<BadFrame> bad;
  for (int i = 0; i < count_; ++i) {
    const auto pairs = matches.pairs.find(i + 1), stars = matches.stars.find(i + 1);
    const auto skipped = matches.skipped.find(i + 1);
    std::string reason;
    if (skipped != matches.skipped.end())
      reason = skipped->second;
    else if (pairs != matches.pairs.end() && pairs->second < options_.min_star_matches)
      reason = std::to_string(pairs->second) + " star pairs";
    else if (!fs::exists(registered_file(i)) || (i != reference_ && pairs == matches.pairs.end()))
      reason = "not registered";
    if (reason.empty()) continue;
    if (stars != matches.stars.end()) reason += "; " + std::to_string(stars->second) + " stars found";
    bad.push_back(
        {raw_path(i), reason + ", " + std::to_string(least_pairs()) +
                          " pairs with the reference asked for: cloud, another field, or twilight?"});
  }
  return bad;
}

void Registration::judge(const std::vector<BadFrame>& bad, const SirilMatches& matches,
                         const std::string& output) const {
  const std::string see = "\nall that Siril said is in " + log_.string();
  if (matches.reference_refused)
    throw InputError("Siril finds too few stars in the reference frame " + raw_path(reference_) +
                     ": name a better one in registration.reference" + see);
  if (bad.size() >= static_cast<std::size_t>(count_) && matches.skipped.empty())
    throw InputError("the registration with Siril failed:" + siril_complaint(output) + see);
  // Of the reference alone nothing can be made, whatever the configuration allows.
  if (job_.leave_out && bad.size() + 1 < static_cast<std::size_t>(count_)) return job_.leave_out(bad);
  std::vector<std::string> lines;
  for (const BadFrame& frame : bad) lines.push_back(frame.path + ": " + frame.reason);
  throw InputError(
      "Siril could not register these frames onto " + raw_path(reference_) + " with at least " +
      std::to_string(least_pairs()) + " star pairs (registration.min_star_matches; Siril's own least is " +
      std::to_string(kSirilLeastPairs) + "):" + listed(lines) +
      "\ntake them out of the input folder, set input.on_bad_frame: quarantine, lower the key, or "
      "name another frame in registration.reference" +
      (options_.allow_rotation ? ""
                               : "; frames turned to each other need registration.allow_rotation: true") +
      see);
}

// The registered frame shows the reference's sky, so it has the reference's header, and its own time. Siril's
// header has the time of writing in it.
void Registration::write_frame(int i, const fs::path& path, const std::vector<std::string>& sky,
                               const std::string& version) const {
  const ManifestEntry& raw = job_.raw->frames[static_cast<std::size_t>(i)];
  Image image = read_image(registered_file(i));
  for (Plane<float>& plane : image)
    for (float& v : plane.samples())
      v = static_cast<float>(scales_[static_cast<std::size_t>(i)].from_siril(v));
  ProductHeader header;
  header.kept_records = sky;
  header.cards = frame_cards(raw.facts);
  header.history = {"tilecompile: " + raw.path + " registered onto " + raw_path(reference_) + " by Siril " +
                    version};
  fs::create_directories(path.parent_path());
  write_image(path, image, header);
  fs::remove(registered_file(i));
}

RegisteredFrames Registration::write_frames(const SirilMatches& matches, const std::vector<BadFrame>& bad,
                                            const std::string& version) {
  RegisteredFrames result;
  result.folder = job_.run_directory / options_.output_dir;
  result.reference = raw_path(reference_);
  result.siril_version = version;
  std::vector<int> good;
  for (int i = 0; i < count_; ++i)
    if (std::none_of(bad.begin(), bad.end(), [&](const BadFrame& f) { return f.path == raw_path(i); }))
      good.push_back(i);
  const auto is_good = [&](int i) { return std::find(good.begin(), good.end(), i) != good.end(); };
  for (const auto& [number, pairs] : matches.pairs)
    if (is_good(number - 1) && (result.fewest_pairs_frame.empty() || pairs < result.fewest_pairs)) {
      result.fewest_pairs = pairs;
      result.fewest_pairs_frame = raw_path(number - 1);
    }
  const std::vector<std::string> sky = shared_header_records(job_.raw_dir / raw_path(reference_));
  for (const int i : good) result.paths.push_back(pattern_.name(i + 1));
  std::atomic<int> done{0};
  parallel_for(static_cast<int>(good.size()), siril_.threads, [&](int k) {
    siril_.observer.check_stop();
    const auto at = static_cast<std::size_t>(k);
    write_frame(good[at], result.folder / result.paths[at], sky, version);
    siril_.observer.progress(++done);
  });
  return result;
}

}  // namespace

RegisteredFrames register_with_siril(const SirilProgram& siril, const RegistrationJob& job) {
  return Registration(siril, job).run();
}

bool needs_debayer(const fs::path& first_frame, const FrameFacts& facts, const DataParams& data) {
  if (facts.channels != 1 || data.color_mode == ColorMode::kMono || data.color_mode == ColorMode::kRgb)
    return false;
  const auto records = product_header_records(first_frame);
  return std::any_of(records.begin(), records.end(),
                     [](const std::string& record) { return is_key(record, "BAYERPAT"); });
}

fs::path frames_folder(const RunConfig& config, const std::string& run_id) {
  if (config.input.stage != InputStage::kRaw || calibrates(config)) return config.input.dir;
  return fs::path(config.output.dir) / run_id / config.registration.output_dir;
}

}  // namespace tilecompile
