#include "tilecompile/operate/folder_configuration.hpp"

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "night_folder.hpp"

namespace tilecompile {
namespace {

constexpr double kLongestSmartExposureS = 20;
constexpr std::size_t kLeastSmartFrames = 100;

std::string quoted_path(const std::filesystem::path& path) { return nlohmann::json(path.string()).dump(); }

std::string frames_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " frame" : " frames");
}

/// Whether the lights look as a program leaves them that registered them; why, else empty.
std::string registered_by(const FoundNight& night) {
  if (night.light.channels == 3) return "the lights have three colour planes, so they were debayered";
  if (night.first_light.rfind("r_", 0) == 0)
    return "their names begin with r_, as those of frames that Siril registered";
  return "";
}

bool is_smart_telescope(const FoundNight& night) {
  return !night.light.bayer_pattern.empty() && night.light.exposure_s <= kLongestSmartExposureS &&
         night.lights.count >= kLeastSmartFrames;
}

class Writer {
 public:
  void choose(const std::string& what) { configuration_.choices.push_back(what); }
  void line(const std::string& text) { configuration_.yaml += text + "\n"; }
  void calibration(const char* name, const char* use_key, const char* folder_key,
                   const std::optional<FoundFrames>& found) {
    if (!found) return;
    choose(std::string(name) + ": " + found->folder.string() + " (" + frames_text(found->count) + ", " +
           found->why + ")");
    if (use_key != nullptr) line(std::string("  ") + use_key + ": true");
    line(std::string("  ") + folder_key + ": " + quoted_path(found->folder));
  }
  FolderConfiguration take() { return std::move(configuration_); }

 private:
  FolderConfiguration configuration_;
};

void write_raw(const FoundNight& night, Writer& writer) {
  writer.line("  stage: raw\nregistration:\n  engine: internal");
  writer.choose("the lights are raw: they are registered by this program (input.stage, registration.engine)");
  if (!night.light.bayer_pattern.empty())
    writer.choose("colour filters: " + night.light.bayer_pattern + ", as BAYERPAT of " + night.first_light +
                  " says");
  const bool calibrated = night.darks || night.flats || night.biases || night.flat_darks;
  if (calibrated) writer.line("calibration:");
  writer.calibration("darks", "use_dark", "darks_dir", night.darks);
  writer.calibration("flats", "use_flat", "flats_dir", night.flats);
  writer.calibration("biases", "use_bias", "bias_dir", night.biases);
  writer.calibration("flat darks", nullptr, "flat_darks_dir", night.flat_darks);
  if (calibrated && !night.darks) writer.choose("no darks: rejection has to see to hot pixels");
  if (calibrated && !night.flats) writer.choose("no flats: corners stay dark and dust shows");
  if (!calibrated) writer.choose("no darks, flats or biases: the lights are not calibrated");
}

}  // namespace

FolderConfiguration configure_folder(const std::filesystem::path& folder) {
  const FoundNight night = find_night(folder);
  Writer writer;
  writer.choose("lights: " + night.lights.folder.string() + " (" + frames_text(night.lights.count) + ", " +
                night.lights.why + ")");
  const bool smart = is_smart_telescope(night);
  writer.choose(smart ? "profile smart-telescope: many short exposures with colour filters"
                      : "profile recommended: sharper and quieter than the plain mean");
  writer.line(std::string("profile: ") + (smart ? "smart-telescope" : "recommended"));
  writer.line("input:\n  dir: " + quoted_path(night.lights.folder));
  if (const std::string why = registered_by(night); !why.empty()) {
    writer.line("  stage: registered");
    writer.choose("taken as registered: " + why + "; otherwise set input.stage: raw");
  } else {
    write_raw(night, writer);
  }
  return writer.take();
}

}  // namespace tilecompile
