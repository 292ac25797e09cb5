#include "tilecompile/passes/calibration.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "calibration_frames.hpp"
#include "master_store.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/frame/cfa_check.hpp"
#include "tilecompile/frame/master_frame.hpp"
#include "tilecompile/header/cfa_pattern.hpp"
#include "tilecompile/header/dark_choice.hpp"
#include "tilecompile/header/header_rules.hpp"
#include "tilecompile/passes/master_making.hpp"

namespace tilecompile {
namespace {

// Raised when masters of the same frames come out with other bits.
constexpr const char* kMasterVersion = "1";

// "30 s"; empty for an exposure that is not stated.
std::string seconds(double exposure_s, const char* unit = " s") {
  char text[40];
  std::snprintf(text, sizeof text, "%g%s", exposure_s, unit);
  return std::isnan(exposure_s) ? "" : text;
}

DarkMatch dark_match(const CalibrationConfig& c) {
  return {c.dark_auto_select, c.dark_match_exposure_tolerance_percent, c.dark_match_use_temp,
          c.dark_match_temp_tolerance_c, c.dark_scaling};
}

std::string frames_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " frame" : " frames");
}

/// The samples of the first frame.
Plane<float> first_of(const CalibrationFrames& frames) {
  return FrameReader(frames.folder / frames.frames.frames.front().path, ZeroIsNodata::kNever)
      .read_all()
      .front();
}

/// One making of a night's masters.
class Calibrator {
 public:
  explicit Calibrator(const CalibrationJob& job)
      : job_(job),
        config_(job.config.calibration),
        lights_(job.lights.manifest()),
        reader_{job.config.registration.cfa_pattern, config_.pattern, job.verified, job.threads,
                job.observer},
        masters_(job.store, job.run_directory / "calibration") {}

  CalibrationPlan run() {
    plan_.cfa = common_cfa();
    require_mono_planes();
    if (!plan_.cfa.empty())
      check_colours(job_.lights.open(0).read_all().front(), lights_.frames.front().path);
    if (config_.use_bias)
      bias_frames_ = frames_of(FrameKind::kBias, config_.bias_use_master, "bias_dir", config_.bias_dir,
                               "bias_master", config_.bias_master);
    if (config_.use_dark)
      dark_frames_ = frames_of(FrameKind::kDark, config_.dark_use_master, "darks_dir", config_.darks_dir,
                               "dark_master", config_.dark_master);
    if (bias_frames_) bias_ = master_of(*bias_frames_, all_of(*bias_frames_));
    const MasterObject flat = config_.use_flat ? masters_.put(make_flat()) : MasterObject{};
    plan_.group_of_frame.assign(lights_.frames.size(), 0);
    if (dark_frames_) {
      make_groups(flat);
    } else {
      plan_.groups.push_back({bias_.empty() ? MasterObject{} : masters_.put(bias_), flat});
    }
    return std::move(plan_);
  }

 private:
  std::string common_cfa() const {
    const std::string& configured = job_.config.registration.cfa_pattern;
    const std::string first = stored_cfa(lights_.frames.front().facts, configured);
    for (const ManifestEntry& light : lights_.frames)
      if (const std::string cfa = stored_cfa(light.facts, configured); cfa != first)
        throw InputError("the light " + light.path + " has colour filters '" + cfa +
                         "' as rows are stored, " + lights_.frames.front().path + " '" + first +
                         "' (BAYERPAT, XBAYROFF, YBAYROFF, ROWORDER): take the one or the other out, or set "
                         "data.cfa_pattern if the cards are wrong");
    return first;
  }

  // The first frame speaks for all, which have the same cards.
  void check_colours(const Plane<float>& frame, const std::string& path) const {
    const std::string doubt = doubt_of_cfa(frame.view(), plan_.cfa);
    if (!doubt.empty())
      throw InputError("the colour filters of " + path +
                       " are other ones than its header says (BAYERPAT, XBAYROFF, "
                       "YBAYROFF, ROWORDER): " +
                       doubt + ", as rows are stored; set data.cfa_pattern");
  }

  void require_mono_planes() const {
    const ManifestEntry& light = lights_.frames.front();
    if (light.facts.channels != 1 && (config_.use_bias || config_.use_dark || config_.use_flat))
      throw InputError(
          "the light " + light.path + " has " + std::to_string(light.facts.channels) +
          " planes: frames are calibrated before they are debayered; give the raw ones, or leave "
          "calibration.use_dark, use_flat and use_bias false");
  }

  CalibrationFrames frames_of(FrameKind kind, bool use_master, const std::string& folder_key,
                              const std::string& folder, const std::string& master_key,
                              const std::string& master) const {
    CalibrationFrames found = use_master ? reader_.master_of(kind, "calibration." + master_key, master)
                                         : reader_.folder_of(kind, "calibration." + folder_key, folder);
    if (kind == FrameKind::kFlat) keep_flats_of_the_filter(found);
    if (kind != FrameKind::kFlatDark) reader_.require_fit(found, lights_);
    return found;
  }

  // A folder often holds the flats of all filters.
  void keep_flats_of_the_filter(CalibrationFrames& flats) const {
    const std::string filter = setting_of(lights_.frames.front().facts, "FILTER");
    if (filter.empty()) return;
    Manifest kept;
    for (const ManifestEntry& flat : flats.frames.frames)
      if (const std::string own = setting_of(flat.facts, "FILTER"); own.empty() || own == filter)
        kept.frames.push_back(flat);
    if (!kept.frames.empty()) flats.frames = kept;  // else require_fit names both filters
  }

  static std::vector<int> all_of(const CalibrationFrames& frames) {
    std::vector<int> all(frames.frames.frames.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
    return all;
  }

  /// What a master follows from.
  static std::string input_of(const CalibrationFrames& frames, const std::vector<int>& chosen,
                              const std::string& more = "") {
    std::string text = std::string("master ") + kMasterVersion + " " + name_of(frames.kind) + " " + more;
    for (const int i : chosen) text += "\n" + frames.frames.frames[static_cast<std::size_t>(i)].sha256;
    return text;
  }

  Plane<float> made_once(const CalibrationFrames& frames, const std::vector<int>& chosen,
                         const std::string& name, const std::string& more,
                         const Plane<float>* pedestal = nullptr) {
    const std::string input = input_of(frames, chosen, more);
    Plane<float> master = masters_.find(input, plan_.made);
    const bool known = !master.empty();
    if (!known) {
      by_others_ = false;
      master = pedestal == nullptr ? mean_of(frames, chosen) : flat_of(frames, chosen, *pedestal);
      plan_.made.push_back({input, masters_.put(master).sha256, by_others_});
    }
    masters_.write(name, master, frames, chosen);
    plan_.notes.push_back("master " + std::string(name_of(frames.kind)) + " of " +
                          frames_text(chosen.size()) + " in " + frames.folder.string() + ": calibration/" +
                          name + (known ? " (known from an earlier run)" : ""));
    return master;
  }

  FrameSource source_of(const CalibrationFrames& frames, const std::vector<int>& chosen) const {
    Manifest of_these;
    for (const int i : chosen) of_these.frames.push_back(frames.frames.frames[static_cast<std::size_t>(i)]);
    return {FrameOrigin(frames.folder), std::make_shared<Manifest>(std::move(of_these)), ZeroIsNodata::kNever,
            job_.verified};
  }

  std::unique_ptr<FramePasses> passes_over(const FrameSource& frames, const std::string& place) {
    if (!job_.passes_over)
      return std::make_unique<LocalPasses>(frames, job_.config.method, job_.threads, job_.observer);
    std::unique_ptr<FramePasses> passes = job_.passes_over(frames, place);
    by_others_ = by_others_ || passes->by_others();
    return passes;
  }

  MasterMaking making_of(const CalibrationFrames& frames) const {
    MasterMaking making;
    making.place = place_beside(job_.config.input.dir, frames.folder);
    making.memory_bytes = std::max(job_.memory_limit_bytes / 4, kMasterBandBytes);
    return making;
  }

  Plane<float> mean_of(const CalibrationFrames& frames, const std::vector<int>& chosen) {
    const FrameSource source = source_of(frames, chosen);
    MasterMaking making = making_of(frames);
    making.code_step = frames.frames.frames.front().facts.code_step;
    return passes_over(source, making.place)->make_master(making);
  }

  /// `pedestal` (may be empty) is taken from every flat, each is divided by its levels, then the clipped mean
  /// (`raw.md` R1).
  Plane<float> flat_of(const CalibrationFrames& flats, const std::vector<int>& all,
                       const Plane<float>& pedestal) {
    const FrameSource source = source_of(flats, all);
    MasterMaking making = making_of(flats);
    making.cfa = plan_.cfa;
    if (!pedestal.empty()) {
      making.subtracted = masters_.put(pedestal);
      making.pedestal = std::make_shared<const Plane<float>>(pedestal);
    }
    std::vector<FlatLook> looks = passes_over(source, making.place)->look_at_flats(making);
    for (std::size_t f = 0; f < looks.size(); ++f)  // nobody's word alone ends the run
      if (looks[f].fault != FlatFault::kNone) looks[f] = look_at_flat(source, static_cast<int>(f), making);
    require_light(flats, looks);
    making.flats = std::move(looks);
    Plane<float> made = passes_over(source, making.place)->make_master(making);
    finish_flat(made, plan_.cfa);
    return made;
  }

  static void require_light(const CalibrationFrames& flats, const std::vector<FlatLook>& looks) {
    std::vector<std::string> overexposed, dark;
    for (std::size_t f = 0; f < looks.size(); ++f) {
      const std::string& path = flats.frames.frames[f].path;
      if (looks[f].fault == FlatFault::kOverexposed) overexposed.push_back(path);
      if (looks[f].fault == FlatFault::kDark) dark.push_back(path);
    }
    if (!overexposed.empty())
      throw InputError("flats of " + flats.folder.string() +
                       " are overexposed, more than 1 % of their pixels have the "
                       "largest value: " +
                       some_names(overexposed) +
                       "; take them out, and take flats at about half of the camera's range");
    if (!dark.empty())
      throw InputError("flats of " + flats.folder.string() +
                       " show no light above what is subtracted from them: " + some_names(dark) +
                       "; take them out, or correct the bias or the flat darks");
  }

  /// The mean of chosen frames, or the file that is a master already.
  Plane<float> master_of(const CalibrationFrames& frames, const std::vector<int>& chosen) {
    if (frames.is_master) {
      plan_.notes.push_back(std::string("master ") + name_of(frames.kind) +
                            " given: " + (frames.folder / frames.frames.frames.front().path).string());
      return first_of(frames);
    }
    const double exposure_s = frames.frames.frames[static_cast<std::size_t>(chosen.front())].facts.exposure_s;
    std::string name = std::string("master_") + name_of(frames.kind);
    std::replace(name.begin(), name.end(), ' ', '_');
    if (frames.kind == FrameKind::kDark && !std::isnan(exposure_s)) name += "_" + seconds(exposure_s, "s");
    return made_once(frames, chosen, free_name(name), "");
  }

  // Darks of one exposure at two temperatures are two masters.
  std::string free_name(const std::string& name) {
    const auto taken = std::count(names_.begin(), names_.end(), name);
    names_.push_back(name);
    return name + (taken == 0 ? "" : "_" + std::to_string(taken + 1)) + ".fits";
  }

  /// What is subtracted from flats: flat darks, else the bias, else darks.
  Plane<float> pedestal_of(const CalibrationFrames& flats) {
    if (!config_.flat_dark_master.empty() || !config_.flat_darks_dir.empty()) {
      const CalibrationFrames found =
          frames_of(FrameKind::kFlatDark, !config_.flat_dark_master.empty(), "flat_darks_dir",
                    config_.flat_darks_dir, "flat_dark_master", config_.flat_dark_master);
      reader_.require_fit(found, flats.frames);
      return master_of(found, all_of(found));
    }
    if (bias_frames_) {
      reader_.require_fit(*bias_frames_, flats.frames);
      return bias_;
    }
    if (dark_frames_ && !config_.dark_already_bias_corrected) return shortest_dark(flats);
    plan_.warnings.push_back(
        "nothing is subtracted from the flats: name flat darks (calibration.flat_darks_dir) or biases "
        "(calibration.bias_dir), or stars near the corners come out too faint");
    return {};
  }

  Plane<float> shortest_dark(const CalibrationFrames& flats) {
    reader_.require_fit(*dark_frames_, flats.frames);
    const auto& darks = dark_frames_->frames.frames;
    double least = kNotStated;
    for (const ManifestEntry& dark : darks)
      if (std::isnan(least) || dark.facts.exposure_s < least) least = dark.facts.exposure_s;
    std::vector<int> chosen;
    for (std::size_t i = 0; i < darks.size(); ++i)
      if (std::isnan(least) || darks[i].facts.exposure_s == least) chosen.push_back(static_cast<int>(i));
    plan_.warnings.push_back(
        "the flats have neither flat darks nor biases: the shortest darks (" + seconds(least) +
        ") are subtracted from them instead, which leaves an error where their dark current counts");
    return master_of(*dark_frames_, chosen);
  }

  Plane<float> make_flat() {
    const CalibrationFrames flats = frames_of(FrameKind::kFlat, config_.flat_use_master, "flats_dir",
                                              config_.flats_dir, "flat_master", config_.flat_master);
    Plane<float> flat;
    if (!plan_.cfa.empty()) check_colours(first_of(flats), flats.frames.frames.front().path);
    if (flats.is_master) {
      flat = master_of(flats, all_of(flats));
      finish_flat(flat, plan_.cfa);
      return flat;
    }
    const Plane<float> pedestal = pedestal_of(flats);
    const std::string more = plan_.cfa + " " + (pedestal.empty() ? "" : pixel_digest({pedestal}));
    return made_once(flats, all_of(flats), "master_flat.fits", more, &pedestal);
  }

  void make_groups(const MasterObject& flat) {
    const std::vector<DarkGroup> groups = choose_darks(lights_, dark_frames_->frames, dark_match(config_));
    std::map<std::vector<int>, Plane<float>> made;
    for (const DarkGroup& group : groups) {
      auto found = made.find(group.darks);
      if (found == made.end()) found = made.emplace(group.darks, master_of(*dark_frames_, group.darks)).first;
      const Plane<float>& measured = found->second;
      Plane<float> dark = measured;
      if (config_.dark_already_bias_corrected && bias_frames_) dark = dark_with_bias(measured, bias_);
      if (group.ratio != 1)
        dark =
            scaled_dark(dark, bias_frames_ ? bias_ : Plane<float>(dark.width(), dark.height()), group.ratio);
      const std::size_t defects =
          leave_out_defects(dark, measured, plan_.cfa, config_.cosmetic_sigma, job_.threads, job_.observer);
      for (const int light : group.lights)
        plan_.group_of_frame[static_cast<std::size_t>(light)] = static_cast<int>(plan_.groups.size());
      plan_.groups.push_back({masters_.put(dark), flat});
      note_group(group, defects);
    }
  }

  void note_group(const DarkGroup& group, std::size_t defects) {
    const FrameFacts& dark = dark_frames_->frames.frames[static_cast<std::size_t>(group.darks.front())].facts;
    char scaled[60] = "";
    if (group.ratio != 1) std::snprintf(scaled, sizeof scaled, " scaled by %.4g", group.ratio);
    const std::string exposure = seconds(dark.exposure_s);
    plan_.notes.push_back(std::to_string(group.lights.size()) + " lights take the darks" +
                          (exposure.empty() ? "" : " of " + exposure) + scaled + "; " +
                          std::to_string(defects) + " pixels stand out of their neighbours and are left out");
  }

  const CalibrationJob& job_;
  const CalibrationConfig& config_;
  const Manifest& lights_;
  CalibrationReader reader_;
  MasterStore masters_;
  CalibrationPlan plan_;
  std::optional<CalibrationFrames> bias_frames_, dark_frames_;
  Plane<float> bias_;
  std::vector<std::string> names_;
  bool by_others_ = false;  ///< others had a part in the master that is made now
};

}  // namespace

CalibrationPlan make_calibration(const CalibrationJob& job) { return Calibrator(job).run(); }

void remember_masters(ObjectStore& store, const std::vector<MadeMaster>& made) {
  for (const MadeMaster& master : made) MasterStore::remember(store, master);
}

}  // namespace tilecompile
