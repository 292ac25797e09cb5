#include "tilecompile/night/raw_night.hpp"

#include <algorithm>

#include "tilecompile/align/debayer.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/image_file.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {

const RegisteredFrame& RawNight::frame(const std::string& path) const {
  const auto found = std::find_if(registration.frames.begin(), registration.frames.end(),
                                  [&](const RegisteredFrame& f) { return f.path == path; });
  if (found == registration.frames.end())
    throw InputError(
        "frame " + path +
        " is not among the registered frames of the run: registration.json belongs to other frames");
  return *found;
}

const CalibrationMasters* RawNight::masters_of(const RegisteredFrame& frame) const {
  return frame.calibration < 0 ? nullptr : masters.at(static_cast<std::size_t>(frame.calibration)).get();
}

namespace {

// Masters are read where the samples of a frame are: their shape is that of the frame.
void check_masters(const RawNight& night) {
  for (const RegisteredFrame& frame : night.registration.frames) {
    const CalibrationMasters* const masters = night.masters_of(frame);
    if (masters == nullptr) continue;
    for (const Plane<float>* plane : {&masters->dark, &masters->flat})
      if (!plane->empty() && (plane->width() != frame.width || plane->height() != frame.height))
        throw InputError("a master of frame " + frame.path + " has " + std::to_string(plane->width()) +
                         " x " + std::to_string(plane->height()) + " px, the frame " +
                         std::to_string(frame.width) + " x " + std::to_string(frame.height) +
                         ": the registration of the run is damaged; start a new run");
  }
}

}  // namespace

Plane<float> load_master(ObjectStore& store, const MasterObject& object, const char* what) {
  if (object.key.empty()) return {};
  return decode_plane(fetch_checked(store, object.key, object.sha256, what));
}

std::shared_ptr<const CalibrationMasters> load_masters(ObjectStore& store,
                                                       const CalibrationObjects& masters) {
  auto loaded = std::make_shared<CalibrationMasters>();
  loaded->dark = load_master(store, masters.dark, "the master dark");
  loaded->flat = load_master(store, masters.flat, "the master flat");
  return loaded;
}

std::shared_ptr<const RawNight> fetch_raw_night(ObjectStore& store, const std::string& run_id,
                                                const Manifest& manifest) {
  if (manifest.registration.empty()) return nullptr;
  auto night = std::make_shared<RawNight>();
  night->registration = decode_registration(
      fetch_checked(store, registration_key(run_id), manifest.registration, "registration"));
  for (const CalibrationObjects& objects : night->registration.calibrations)
    night->masters.push_back(load_masters(store, objects));
  check_masters(*night);
  return night;
}

Plane<float> calibrated_box(FrameReader& raw, const CalibrationMasters* masters, const Box& box) {
  Plane<float> samples(box.w, box.h);
  raw.read_box(0, box, samples.data());
  if (masters != nullptr) calibrate(*masters, box, samples.data());
  return samples;
}

Plane<float> calibrated_frame(FrameReader& raw, const CalibrationMasters* masters,
                              const std::string& cfa_pattern) {
  const Box all{0, 0, raw.facts().width, raw.facts().height};
  Plane<float> samples = calibrated_box(raw, masters, all);
  if (cfa_pattern.empty()) return samples;
  constexpr int kGreen = 1;
  Plane<float> green(all.w, all.h);
  interpolate_colour(tilecompile::cfa_pattern(cfa_pattern), kGreen, samples.view(), all, all, green.data());
  return green;
}

}  // namespace tilecompile
