#include "tilecompile/survey/pass_state.hpp"

#include "archived.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/night/raw_night.hpp"
#include "tilecompile/night/storage_keys.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kDigitsOfDigest = 16;

struct Planes {
  Image mean;
  std::vector<Plane<std::int32_t>> coverage;
};
template <class A, Is<Planes> T>
void visit(A& a, T& p) {
  a(p.mean), a(p.coverage);
}

// Objects of equal content have equal names.
ObjectReference share(ObjectStore& store, const std::string& run_id, const char* name,
                      const std::string& bytes) {
  ObjectReference object;
  object.checksum = sha256_hex(bytes);
  object.ref = run_id + "/frame_parts/" + name + "_" + object.checksum.substr(0, kDigitsOfDigest) + ".bin";
  if (!store.exists(object.ref)) store.put(object.ref, bytes);
  return object;
}

// Empty: a sensor without them.
bool names_filters(const std::string& cfa) {
  return cfa.empty() || (cfa.size() == 4 && cfa.find_first_not_of("RGB") == std::string::npos);
}

void check_frames(const PassState& state, const Manifest& manifest) {
  const FrameMetrics& metrics = state.analysis.metrics;
  bool fits = metrics.channel_count() == manifest.channels() && metrics.image_width == manifest.width() &&
              metrics.image_height == manifest.height() && state.stars.reference < metrics.channels.size();
  for (const auto& frames : metrics.channels) fits = fits && frames.size() == manifest.frames.size();
  for (const auto& frames : state.stars.part) fits = fits && frames.size() == manifest.frames.size();
  fits = fits && (state.stars.part.empty() || state.stars.part.size() == metrics.channels.size());
  const StarFinding& finding = state.finding;
  fits = fits && (finding.group_of_frame.empty() || finding.group_of_frame.size() == manifest.frames.size());
  const int groups = static_cast<int>(finding.calibrations.size());
  for (const int group : finding.group_of_frame) fits = fits && group >= -1 && group < groups;
  const std::vector<FlatLook>& flats = state.making.flats;
  fits = fits && (flats.empty() || flats.size() == manifest.frames.size());
  fits = fits && (state.making.place.empty() || is_beside(state.making.place)) &&
         names_filters(state.making.cfa) && names_filters(finding.cfa_pattern);
  const auto& light = state.stars.reference_light;
  fits = fits && (light.empty() || light.size() == metrics.channels.size());
  for (const StarLight& l : light)
    fits = fits && l.wide.size() <= l.narrow.size() && l.squares.size() == l.wide.size();
  if (!fits) throw InputError("the state of the pass is of other frames than the manifest");
}

Plane<float> fetch_pedestal(ObjectStore& store, const MasterMaking& making, const Manifest& manifest) {
  Plane<float> plane = load_master(store, making.subtracted, "what is subtracted from flats");
  if (plane.width() != manifest.width() || plane.height() != manifest.height())
    throw InputError("what is subtracted from flats has another shape than they");
  return plane;
}

void check_planes(const Planes& planes, const Manifest& manifest) {
  const auto channels = static_cast<std::size_t>(manifest.channels());
  bool fits = planes.mean.size() == channels && planes.coverage.size() == channels;
  for (std::size_t c = 0; fits && c < channels; ++c)
    fits = planes.mean[c].width() == manifest.width() && planes.mean[c].height() == manifest.height() &&
           planes.coverage[c].width() == manifest.width() && planes.coverage[c].height() == manifest.height();
  if (!fits) throw InputError("the classical stack of the pass has another shape than the frames");
}

}  // namespace

ObjectReference share_planes(ObjectStore& store, const std::string& run_id, const Analysis& analysis) {
  ArchiveWriter writer;
  writer(analysis.classical);
  writer(analysis.coverage);
  return share(store, run_id, "planes", writer.take());
}

ObjectReference share_pass_state(ObjectStore& store, const std::string& run_id, const PassState& state) {
  return share(store, run_id, "pass", archived(state));
}

PassState decode_pass_state(std::string_view bytes) {
  return unarchived<PassState>(bytes, "state of a pass");
}

PassState fetch_pass_state(ObjectStore& store, const ObjectReference& state, const Manifest& manifest) {
  PassState pass = decode_pass_state(fetch_checked(store, state.ref, state.checksum, "state of a pass"));
  check_frames(pass, manifest);
  for (const CalibrationObjects& group : pass.finding.calibrations)
    pass.finding.masters.push_back(load_masters(store, group));
  if (!pass.making.subtracted.key.empty())
    pass.making.pedestal = std::make_shared<const Plane<float>>(fetch_pedestal(store, pass.making, manifest));
  if (pass.planes.ref.empty()) return pass;
  auto planes = unarchived<Planes>(
      fetch_checked(store, pass.planes.ref, pass.planes.checksum, "classical stack"), "classical stack");
  check_planes(planes, manifest);
  pass.analysis.classical = std::move(planes.mean);
  pass.analysis.coverage = std::move(planes.coverage);
  return pass;
}

}  // namespace tilecompile
