#include "tilecompile/frame/frame_proof.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/image/exact_math.hpp"
#include "tilecompile/image/order_statistics.hpp"

namespace tilecompile {
namespace {

using Outcome = FrameProof::Outcome;

// All by measurement: docs/method.md, Proof of a frame.
constexpr double kNearPx = 1.5, kNearInFwhm = 0.5;  // a star this far from its place is at it
constexpr double kExpectedSnr = 12;                 // a star predicted this bright should be seen
constexpr double kLeastShare = 0.4;                 // of the expected stars
constexpr double kLeastOfClear = 0.2;               // of those of a clear sky, under cloud
constexpr double kLeastOfFew = 0.5;                 // of these, where that is fewer than five
constexpr int kFewestFound = 3;
constexpr std::size_t kBrightest = 20;    // stars that give the first idea of the transparency
constexpr double kLargestOffsetPx = 1.2;  // median over the stars
constexpr double kLargestSpread = 0.7;    // of log(flux ratio): a factor of two either way
constexpr double kManyBad = 0.4;          // share of bad frames from which the list itself is doubted
constexpr double kTypicalShare = 0.7;     // of the expected stars, in the median frame; below it is doubted
constexpr double kTypicalOffsetPx = 0.5;  // of the median frame; above it is doubted
constexpr double kSteadySnr = 10;         // flux ratios of fainter stars tell of their noise

bool on_frame(const PlaneView<float>& frame, const ReferenceStar& star, int radius) {
  const int xc = static_cast<int>(std::floor(star.x + 0.5)), yc = static_cast<int>(std::floor(star.y + 0.5));
  if (xc - radius < 0 || yc - radius < 0 || xc + radius >= frame.width || yc + radius >= frame.height)
    return false;
  for (int y = yc - radius; y <= yc + radius; ++y)
    for (int x = xc - radius; x <= xc + radius; ++x)
      if (frame.at(x, y) != frame.at(x, y)) return false;
  return true;
}

bool at_place(const Sighting& s, double fwhm_px) {
  const double reach = std::max(kNearPx, kNearInFwhm * fwhm_px);
  return s.measured && s.dx * s.dx + s.dy * s.dy <= reach * reach;
}

// SNR of a star as measure_star takes it: flux through a matched filter over the noise in it.
double predicted_snr(double flux, double fwhm_px, double noise) {
  return 1.7724538509055159 / 2.3548200450309493 * flux / fwhm_px / std::max(noise, 1e-300);
}

// Fills phi and the median offset and FWHM of the stars at their places.
double measure_found(const std::vector<Sighting>& sightings, const ProofList& list, FrameProof& proof) {
  std::vector<double> ratios, dx, dy, fwhm, steady;
  for (std::size_t i = 0; i < sightings.size(); ++i) {
    const Sighting& s = sightings[i];
    if (!at_place(s, list.fwhm_px)) continue;
    const double ratio = s.flux / list.flux[i];
    if (ratios.size() < kBrightest) ratios.push_back(ratio);
    if (s.snr >= kSteadySnr) steady.push_back(exact_log(ratio));
    dx.push_back(s.dx);
    dy.push_back(s.dy);
    fwhm.push_back(s.fwhm_px);
  }
  if (ratios.empty()) return list.fwhm_px;
  proof.flux_scale = median(std::move(ratios));
  if (static_cast<int>(steady.size()) >= kFewestProofStars) proof.flux_spread = robust_sd(steady);
  proof.dx = median(std::move(dx));
  proof.dy = median(std::move(dy));
  return median(std::move(fwhm));
}

void count_expected(const std::vector<Sighting>& sightings, const ProofList& list, double flux_scale,
                    double fwhm_px, double noise, FrameProof& proof) {
  proof.expected = proof.found = 0;
  for (std::size_t i = 0; i < sightings.size(); ++i) {
    if (!sightings[i].on_frame ||
        predicted_snr(flux_scale * list.flux[i], std::max(fwhm_px, list.fwhm_px), noise) < kExpectedSnr)
      continue;
    ++proof.expected;
    proof.found += at_place(sightings[i], list.fwhm_px) ? 1 : 0;
  }
}

}  // namespace

std::vector<Sighting> sight_stars(const PlaneView<float>& frame, const ProofList& list) {
  std::vector<Sighting> sightings;
  for (const ReferenceStar& star : list.stars) {
    Sighting s;
    s.on_frame = on_frame(frame, star, list.star_radius_px);
    const StarShape shape =
        s.on_frame ? measure_star(frame, star.x, star.y, list.star_radius_px) : StarShape{};
    if (shape.measured)
      s = {true,
           true,
           shape.x - star.x,
           shape.y - star.y,
           shape.snr,
           shape.fwhm_px,
           shape.peak * shape.fwhm_px * shape.fwhm_px};
    sightings.push_back(s);
  }
  return sightings;
}

FrameProof judge_sightings(const std::vector<Sighting>& sightings, const ProofList& list, double noise) {
  FrameProof proof;
  for (const Sighting& s : sightings) proof.on_frame += s.on_frame ? 1 : 0;
  if (proof.on_frame < kFewestProofStars) return proof;
  const double fwhm_px = measure_found(sightings, list, proof);
  if (proof.flux_scale > 0) count_expected(sightings, list, proof.flux_scale, fwhm_px, noise, proof);
  double least = kLeastShare * proof.expected;
  if (proof.found < kFewestFound) {
    // Too little to know the transparency by: asked is for a part of what a clear sky shows.
    count_expected(sightings, list, 1, list.fwhm_px, std::min(noise, list.noise), proof);
    if (proof.expected < kFewestProofStars) return proof;
    least = std::max(std::min<double>(kFewestProofStars, kLeastOfFew * proof.expected),
                     kLeastOfClear * proof.expected);
  }
  if (proof.found < least)
    proof.outcome = Outcome::kTooFew;
  else if (proof.dx * proof.dx + proof.dy * proof.dy > kLargestOffsetPx * kLargestOffsetPx)
    proof.outcome = Outcome::kShifted;
  else
    proof.outcome = proof.flux_spread > kLargestSpread ? Outcome::kUneven : Outcome::kProved;
  return proof;
}

FrameProof prove_frame(const PlaneView<float>& plane, const FrameChannel& frame, const ProofList& list) {
  return judge_sightings(sight_stars(plane, list), list, frame.noise / frame.normalization.gain);
}

bool shows_a_mixture(const std::vector<FrameProof>& proofs) {
  std::vector<double> share, offset, spread;
  std::size_t bad = 0;
  for (const FrameProof& p : proofs) {
    bad += p.bad() ? 1 : 0;
    if (p.on_frame < kFewestProofStars) continue;
    share.push_back(p.expected > 0 ? static_cast<double>(p.found) / p.expected : 1);
    offset.push_back(std::sqrt(p.dx * p.dx + p.dy * p.dy));
    spread.push_back(p.flux_spread);
  }
  return share.empty() || median(share) < kTypicalShare || median(offset) > kTypicalOffsetPx ||
         median(spread) > kLargestSpread ||
         static_cast<double>(bad) > kManyBad * static_cast<double>(proofs.size());
}

namespace {

constexpr double kTellingMovePx = 0.5;  // smaller parts of a move are not worth a word
constexpr double kOthersShare = 0.2;    // of the expected stars: as many others tell of another field

std::string px(double v) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f px", std::abs(v));
  return text;
}

// "12.1 px to the right and 7.0 px up"; rows count upwards, as FITS displays them.
std::string move_text(double dx, double dy) {
  std::string text;
  if (std::abs(dx) >= kTellingMovePx) text = px(dx) + (dx > 0 ? " to the right" : " to the left");
  if (std::abs(dy) >= kTellingMovePx)
    text += (text.empty() ? "" : " and ") + px(dy) + (dy > 0 ? " up" : " down");
  return text;
}

std::string turn_text(FieldMatch::Turn turn) {
  switch (turn) {
    case FieldMatch::Turn::kHalf:
      return "turned by 180 degrees";
    case FieldMatch::Turn::kLeftRight:
      return "mirrored left to right";
    default:
      return "mirrored upside down";
  }
}

std::string of_stars(int count, int all) {
  return (count == 0 ? "none" : std::to_string(count)) + " of " + std::to_string(all) + " stars";
}

}  // namespace

std::string describe_bad_proof(const FrameProof& proof, const FieldMatch& match, int own) {
  if (proof.outcome == Outcome::kUneven) {
    char spread[32];
    std::snprintf(spread, sizeof spread, "%.1f", exact_exp(proof.flux_spread));
    return std::string("the fluxes of its stars have no common scale (they scatter by a factor of ") +
           spread + "): thick cloud over a part of it, or another picture?";
  }
  if (match.matched > 0 && match.turn != FieldMatch::Turn::kNone) {
    const std::string move = move_text(match.dx, match.dy);
    return "its stars fit when the frame is " + turn_text(match.turn) +
           (move.empty() ? "" : " and moved by " + move) +
           (match.turn == FieldMatch::Turn::kHalf ? ": flipped at the meridian and not registered?"
                                                  : ": mirrored by the optics or by another program?");
  }
  if (proof.outcome == Outcome::kShifted)
    return "its stars lie " + move_text(proof.dx, proof.dy) + ": not registered?";
  if (match.matched > 0)
    if (const std::string move = move_text(match.dx, match.dy); !move.empty())
      return "its stars lie " + move + ": not registered?";
  const std::string shows = "shows " + of_stars(proof.found, proof.expected);
  if (own >= std::max<double>(kFewestProofStars, kOthersShare * proof.expected) && match.matched == 0)
    return shows + " at their places, and " + std::to_string(own) +
           " others: another field, or not registered?";
  return shows + ": a dark, closed roof, or cloud?";
}

}  // namespace tilecompile
