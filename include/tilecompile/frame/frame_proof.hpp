#pragma once
#include <string>
#include <vector>

#include "tilecompile/frame/frame_metrics.hpp"
#include "tilecompile/frame/star_match.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// Fewest stars that can prove anything about a frame.
constexpr int kFewestProofStars = 5;

/// The stars that every frame is asked for, and how they look in the picture that they were found in.
struct ProofList {
  std::vector<ReferenceStar> stars;  ///< brightest first
  std::vector<double> flux;          ///< [star] peak times FWHM^2, in units of that picture times px^2
  double noise = 0;                  ///< of a frame that shows such stars, in units of that picture
  double fwhm_px = 0;                ///< median over the stars
  int star_radius_px = 8;            ///< half-size of a star's measuring box
  std::vector<double> structure;     ///< of that picture, by cells; filled where the stars are too few
};

/// What a frame shows near the place of one star of the list.
struct Sighting {
  bool on_frame = false;  ///< the star's box lies inside the frame and all its pixels are valid
  bool measured = false;  ///< something like a star is in the box; else what follows is 0
  double dx = 0, dy = 0;  ///< its centre less the star's place, px
  double snr = 0, fwhm_px = 0;
  double flux = 0;  ///< peak times FWHM^2, in units of the frame times px^2
};

/// The figures of a frame and what they tell (`methodology.md`, Proof of a frame).
struct FrameProof {
  enum class Outcome {
    kProved,
    kNotJudged,  ///< fewer than kFewestProofStars stars fall on it, or would stand out of a frame's noise
    kTooFew,     ///< the stars are not at their places
    kShifted,    ///< they are all a little off
    kUneven      ///< their fluxes have no common scale
  };
  Outcome outcome = Outcome::kNotJudged;
  int on_frame = 0;        ///< stars of the list that fall on it
  int expected = 0;        ///< of these, that should stand out of its noise
  int found = 0;           ///< of the expected, that are at their places
  double dx = 0, dy = 0;   ///< median offset of all that are near their places, px
  double flux_scale = 0;   ///< phi: median flux ratio of all that are at their places; 0: none is
  double flux_spread = 0;  ///< robust sd of log(flux ratio)
  bool bad() const { return outcome != Outcome::kProved && outcome != Outcome::kNotJudged; }
};

/// Looks for the list's stars in a frame, in the order of the list.
std::vector<Sighting> sight_stars(const PlaneView<float>& frame, const ProofList& list);

/// Judges a frame by what it shows; `noise` is its sigma in the units of its samples. Which stars are
/// expected follows the frame's own noise, seeing and transparency, so haze, twilight and bad seeing are no
/// reasons; a frame that shows hardly any star is asked for those of a clear sky.
FrameProof judge_sightings(const std::vector<Sighting>& sightings, const ProofList& list, double noise);

/// Both for one plane of a frame; `frame` is what pass 1 measured of it.
FrameProof prove_frame(const PlaneView<float>& plane, const FrameChannel& frame, const ProofList& list);

/// Whether the picture that the list was found in may be a mixture of several, by the proofs of all frames:
/// most of them then lack stars of it, or have all of them a little off, or in other ratios, or many lack
/// nearly all. True when no frame could be judged.
bool shows_a_mixture(const std::vector<FrameProof>& proofs);

/// What is wrong with a frame that did not prove itself, with its figures and the probable cause, for people;
/// `match` is the fit of the `own` stars that were found in the frame to the list.
std::string describe_bad_proof(const FrameProof& proof, const FieldMatch& match, int own);

}  // namespace tilecompile
