#include <initializer_list>
#include <nlohmann/json.hpp>

#include "section_rows.hpp"

namespace tilecompile {
namespace {

using Table = std::vector<Key>;
using Calibration = CalibrationConfig;
using Registration = RegistrationConfig;

void add_sources(SectionRows<Calibration>& calibration) {
  calibration.add("use_bias", &Calibration::use_bias, "Subtract a master bias");
  calibration.add("use_dark", &Calibration::use_dark, "Subtract a master dark");
  calibration.add("use_flat", &Calibration::use_flat, "Divide by a master flat");
  calibration.add("bias_dir", &Calibration::bias_dir, TextRule::kAnyPath,
                  "Folder of bias frames; in a file relative to the folder of that file, as all of these");
  calibration.add("darks_dir", &Calibration::darks_dir, TextRule::kAnyPath, "Folder of darks");
  calibration.add("flats_dir", &Calibration::flats_dir, TextRule::kAnyPath, "Folder of flats");
  calibration.add("flat_darks_dir", &Calibration::flat_darks_dir, TextRule::kAnyPath,
                  "Folder of darks of the flats' exposure; empty: the bias is subtracted from flats");
  calibration.add("bias_master", &Calibration::bias_master, TextRule::kAnyPath, "File of a master bias");
  calibration.add("dark_master", &Calibration::dark_master, TextRule::kAnyPath, "File of a master dark");
  calibration.add("flat_master", &Calibration::flat_master, TextRule::kAnyPath, "File of a master flat");
  calibration.add("flat_dark_master", &Calibration::flat_dark_master, TextRule::kAnyPath,
                  "File of a master dark of the flats' exposure");
  calibration.add("bias_use_master", &Calibration::bias_use_master, "Take bias_master, not bias_dir");
  calibration.add("dark_use_master", &Calibration::dark_use_master, "Take dark_master, not darks_dir");
  calibration.add("flat_use_master", &Calibration::flat_use_master, "Take flat_master, not flats_dir");
  calibration.add("pattern", &Calibration::pattern, TextRule::kNamePattern,
                  "Glob on the names of calibration frames; empty: every FITS name");
}

void add_calibration(Table& table) {
  SectionRows<Calibration> calibration(
      table, "calibration", kRunOnly, [](auto& s) -> auto& { return s.run.calibration; });
  add_sources(calibration);
  calibration.add("dark_already_bias_corrected", &Calibration::dark_already_bias_corrected,
                  "The bias has been subtracted from the darks already");
  calibration.add("dark_auto_select", &Calibration::dark_auto_select,
                  "Each light takes the darks of its exposure; false: all darks make one master");
  calibration.add("dark_match_exposure_tolerance_percent",
                  &Calibration::dark_match_exposure_tolerance_percent, Between{0, 1000},
                  "How far the exposures of a light and its darks may differ, in percent");
  calibration.add("dark_match_use_temp", &Calibration::dark_match_use_temp,
                  "Darks must have the light's sensor temperature too");
  calibration.add("dark_match_temp_tolerance_c", &Calibration::dark_match_temp_tolerance_c, Between{0, 200},
                  "How far these temperatures may differ, in degrees Celsius");
  calibration.add("cosmetic_sigma", &Calibration::cosmetic_sigma, Between{0, 1e6},
                  "Pixels of the master dark so many standard deviations from their neighbours are left out "
                  "of every frame; 0: none");
  calibration.add("dark_scaling", &Calibration::dark_scaling,
                  "Scale darks of another exposure to that of the light; needs a bias");
}

// Words that mean themselves.
Choices<std::string> words(std::initializer_list<const char*> names) {
  Choices<std::string> choices;
  for (const char* name : names) choices.emplace_back(name, name);
  return choices;
}

void add_registration(Table& table) {
  SectionRows<Registration> data(
      table, "data", kRunOnly, [](auto& s) -> auto& { return s.run.registration; });
  data.add_choice("cfa_pattern", &Registration::cfa_pattern,
                  words({"auto", "none", "RGGB", "BGGR", "GRBG", "GBRG"}),
                  "Colour filters of raw frames, in place of BAYERPAT; auto: as BAYERPAT says");
  SectionRows<Registration> registration(
      table, "registration", kRunOnly, [](auto& s) -> auto& { return s.run.registration; });
  using Engine = Registration::Engine;
  registration.add_choice("engine", &Registration::engine,
                          Choices<Engine>{{"none", Engine::kNone},
                                          {"internal", Engine::kInternal},
                                          {"triangle_star_matching", Engine::kInternal},
                                          {"star_similarity", Engine::kInternal},
                                          {"siril", Engine::kSiril}},
                          "Who registers raw frames: this program (internal and its other names) or Siril; "
                          "none: they come registered");
  registration.add("reference", &Registration::reference, TextRule::kNotEmpty,
                   "Reference frame: auto or a file name");
  registration.add_choice(
      "transform", &Registration::transform,
      words({"auto", "shift", "similarity", "affine", "homography", "quadratic", "cubic"}),
      "What brings a frame onto the reference; auto: the least that the stars ask for");
  registration.add_choice("framing", &Registration::framing, words({"reference", "union", "intersection"}),
                          "Area of the picture: that of the reference frame, of any frame, or of all frames");
  registration.add_choice(
      "debayer", &Registration::debayer, words({"auto", "interpolate", "drizzle"}),
      "How frames with colour filters become colour: interpolate between pixels, or put each "
      "where it belongs (drizzle; needs many shifted frames)");
  registration.add_choice("output_scale", &Registration::output_scale,
                          Choices<double>{{1, 1.0}, {1.5, 1.5}, {2, 2.0}},
                          "Pixels of the picture per pixel of a frame, along a side; above 1: drizzle");
  registration.add("drop_fraction", &Registration::drop_fraction, Between{0.1, 1},
                   "Edge of a drizzled pixel in units of a frame's pixel");
  registration.add("output_dir", &Registration::output_dir, TextRule::kRelativePath,
                   "Folder of the frames that Siril registers, below the run's folder");
  registration.add("registered_filename_pattern", &Registration::registered_filename_pattern,
                   TextRule::kRelativePath, "Name of a registered frame; {index:05d} is its number");
  registration.add("min_star_matches", &Registration::min_star_matches, Between{1, 100000},
                   "Star pairs a frame must share with the reference");
  registration.add("allow_rotation", &Registration::allow_rotation, "Frames may be rotated to each other");
}

}  // namespace

void add_raw_keys(Table& table) {
  add_calibration(table);
  add_registration(table);
}

}  // namespace tilecompile
