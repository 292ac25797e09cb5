#pragma once
#include <concepts>

#include "archive.hpp"
#include "tilecompile/survey/frame_pieces.hpp"
#include "tilecompile/survey/pass_state.hpp"

// Which members of what is archived, in which order. `const` objects are written, others are read.
namespace tilecompile {

template <class T, class Of>
concept Is = std::same_as<std::remove_const_t<T>, Of>;

template <class A, Is<FileContent> T>
void visit(A& a, T& c) {
  a(c.sha256), a(c.sums.file_bytes), a(c.sums.block_bytes), a(c.sums.sums);
}
template <class A, Is<Normalization> T>
void visit(A& a, T& n) {
  a(n.offset), a(n.gain), a(n.pedestal);
}
template <class A, Is<FootprintEdge> T>
void visit(A& a, T& e) {
  a(e.a), a(e.b), a(e.c);
}
template <class A, Is<FrameChannel> T>
void visit(A& a, T& f) {
  a(f.background), a(f.noise), a(f.gradient_energy), a(f.z_background), a(f.z_noise), a(f.z_gradient);
  a(f.quality), a(f.weight), a(f.flux_scale), a(f.inverse_variance), a(f.valid_fraction), a(f.fwhm_px);
  a(f.flux_measured), a(f.spread_px), a(f.constant), a(f.normalization), a(f.fwhm_surface), a(f.sky_surface),
      a(f.footprint);
}
template <class A, Is<ReferenceStar> T>
void visit(A& a, T& s) {
  a(s.x), a(s.y);
}
template <class A, Is<FrameMetrics> T>
void visit(A& a, T& m) {
  a(m.channels), a(m.stars), a(m.star_radius_px), a(m.seeing_px), a(m.sky), a(m.output_scale);
  a(m.image_width), a(m.image_height), a(m.frame_tables), a(m.sums_ref), a(m.sums_checksum);
}
// Words of a list of names are numbers here.
template <class A, class Enum>
void visit_choice(A& a, Enum& choice, int count) {
  int number = static_cast<int>(choice);
  a(number);
  if constexpr (!std::is_const_v<Enum>) {
    if (number < 0 || number >= count) a.fail("holds a number out of its range");
    choice = static_cast<Enum>(number);
  }
}
template <class A, Is<LinearityEvidence> T>
void visit(A& a, T& e) {
  a(e.background_share), a(e.background_sigmas), a(e.range_sigmas), a(e.peak_share);
  visit_choice(a, e.strength, 3);
}
template <class A, Is<FrameNumbers> T>
void visit(A& a, T& n) {
  a(n.background), a(n.noise), a(n.largest), a(n.floating);
}
template <class A, Is<FrameLook> T>
void visit(A& a, T& look) {
  a(look.channels), a(look.linearity), a(look.numbers), a(look.zeros);
}
template <class A, Is<ProofList> T>
void visit(A& a, T& p) {
  a(p.stars), a(p.flux), a(p.noise), a(p.fwhm_px), a(p.star_radius_px), a(p.structure);
}
template <class A, Is<StarLight> T>
void visit(A& a, T& s) {
  a(s.narrow), a(s.wide), a(s.squares), a(s.fwhm_px);
}
template <class A, Is<StarSpread> T>
void visit(A& a, T& s) {
  a(s.width), a(s.error), a(s.light), a(s.elongated);
}
template <class A, Is<StarPass> T>
void visit(A& a, T& p) {
  int reference = static_cast<int>(p.reference);
  a(reference), a(p.reference_light), a(p.proof_list);
  visit_choice(a, p.ring, 2);
  a(p.part), a(p.some_spread);
  if constexpr (!std::is_const_v<T>) {
    if (reference < 0) a.fail("holds a number out of its range");
    p.reference = static_cast<std::size_t>(reference);
  }
}
template <class A, Is<FrameProof> T>
void visit(A& a, T& p) {
  visit_choice(a, p.outcome, 5);
  a(p.on_frame), a(p.expected), a(p.found), a(p.dx), a(p.dy), a(p.flux_scale), a(p.flux_spread);
}
template <class A, Is<SkySample> T>
void visit(A& a, T& s) {
  a(s.above), a(s.x), a(s.y), a(s.pixels);
}
template <class A, Is<StarLook> T>
void visit(A& a, T& look) {
  a(look.channels), a(look.reference_fwhm), a(look.proof), a(look.spread), a(look.skies);
}
template <class A, Is<ValueRange> T>
void visit(A& a, T& r) {
  a(r.low), a(r.high);
}
template <class A, Is<ChannelBand> T>
void visit(A& a, T& b) {
  a(b.mean), a(b.coverage), a(b.extremes), a(b.squares);
}
template <class A, Is<MasterObject> T>
void visit(A& a, T& m) {
  a(m.key), a(m.sha256);
}
template <class A, Is<CalibrationObjects> T>
void visit(A& a, T& c) {
  a(c.dark), a(c.flat);
}
template <class A, Is<StarFinding> T>
void visit(A& a, T& f) {
  a(f.cfa_pattern), a(f.saturation), a(f.group_of_frame), a(f.calibrations);
}
template <class A, Is<FrameStar> T>
void visit(A& a, T& s) {
  a(s.x), a(s.y), a(s.flux), a(s.fwhm_px), a(s.snr), a(s.poor);
}
template <class A, Is<FrameStars> T>
void visit(A& a, T& s) {
  a(s.chosen), a(s.found), a(s.fwhm_px), a(s.width), a(s.height);
}
template <class A, Is<FlatLook> T>
void visit(A& a, T& look) {
  a(look.levels);
  visit_choice(a, look.fault, 3);
}
template <class A, Is<MasterMaking> T>
void visit(A& a, T& m) {
  a(m.place), a(m.code_step), a(m.cfa), a(m.subtracted), a(m.flats);
}
template <class A, Is<PassState> T>
void visit(A& a, T& s) {
  a(s.analysis.metrics), a(s.finding), a(s.making), a(s.stars), a(s.planes.ref), a(s.planes.checksum);
}

template <class T>
std::string archived(const T& object) {
  ArchiveWriter writer;
  writer(object);
  return writer.take();
}
template <class T>
T unarchived(std::string_view bytes, const std::string& what) {
  ArchiveReader reader(bytes, what);
  T object;
  reader(object);
  reader.done();
  return object;
}

}  // namespace tilecompile
