#include "tilecompile/frame/frame_proof.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace tilecompile {
namespace {

using Outcome = FrameProof::Outcome;

/// A list of stars of one brightness, each of SNR 50 in a frame of the noise `kNoise`.
constexpr double kNoise = 10, kFwhm = 3, kFlux = 2000;

ProofList list_of(int stars) {
  ProofList list;
  for (int i = 0; i < stars; ++i) list.stars.push_back({20.0 + 10 * i, 30.0 + (7 * i) % 90});
  list.flux.assign(list.stars.size(), kFlux);
  list.noise = kNoise;
  list.fwhm_px = kFwhm;
  return list;
}

Sighting seen(double dx = 0, double dy = 0, double ratio = 1, double snr = 50) {
  return {true, true, dx, dy, snr, kFwhm, ratio * kFlux};
}

const Sighting kNothing{true, false, 0, 0, 0, 0, 0};

/// `found` stars at their places, nothing at the others.
std::vector<Sighting> show(int found, int stars) {
  std::vector<Sighting> sightings(static_cast<std::size_t>(stars), kNothing);
  std::fill(sightings.begin(), sightings.begin() + found, seen());
  return sightings;
}

FrameProof judge(const std::vector<Sighting>& sightings, double noise = kNoise) {
  return judge_sightings(sightings, list_of(static_cast<int>(sightings.size())), noise);
}

TEST(FrameProof, AFrameThatShowsAllStarsIsProvedWithItsFigures) {
  std::vector<Sighting> sightings(20, seen(0.2, -0.1, 0.5));
  const FrameProof proof = judge(sightings);
  EXPECT_EQ(proof.outcome, Outcome::kProved);
  EXPECT_EQ(proof.on_frame, 20);
  EXPECT_EQ(proof.expected, 20);
  EXPECT_EQ(proof.found, 20);
  EXPECT_DOUBLE_EQ(proof.dx, 0.2);
  EXPECT_DOUBLE_EQ(proof.dy, -0.1);
  EXPECT_DOUBLE_EQ(proof.flux_scale, 0.5);
  EXPECT_EQ(proof.flux_spread, 0);
}

TEST(FrameProof, TwoFifthsOfTheExpectedStarsAreEnoughAndFewerAreNot) {
  EXPECT_EQ(judge(show(8, 20)).outcome, Outcome::kProved);
  EXPECT_EQ(judge(show(7, 20)).outcome, Outcome::kTooFew);
  const FrameProof none = judge(show(0, 20));
  EXPECT_EQ(none.outcome, Outcome::kTooFew);
  EXPECT_EQ(none.expected, 20);
  EXPECT_EQ(none.found, 0);
}

TEST(FrameProof, FewerThanFiveStarsOnTheFrameProveNothing) {
  EXPECT_EQ(judge(show(0, 4)).outcome, Outcome::kNotJudged);
  EXPECT_EQ(judge(show(0, 5)).outcome, Outcome::kTooFew);
  std::vector<Sighting> off(16, Sighting{});  // beyond the border of the frame
  off.insert(off.end(), 4, kNothing);
  EXPECT_EQ(judge(off).outcome, Outcome::kNotJudged);
}

TEST(FrameProof, UnderCloudOnlyTheStarsThatShouldBeSeenAreAskedFor) {
  ProofList list = list_of(20);
  std::vector<Sighting> sightings(20, kNothing);
  for (std::size_t i = 0; i < 20; ++i) {
    list.flux[i] = i < 5 ? kFlux : kFlux / 50;
    if (i < 5) sightings[i] = seen(0, 0, 0.3, 15);
  }
  const FrameProof proof = judge_sightings(sightings, list, kNoise);
  EXPECT_EQ(proof.outcome, Outcome::kProved);
  EXPECT_EQ(proof.expected, 5);
  EXPECT_NEAR(proof.flux_scale, 0.3, 1e-12);
}

TEST(FrameProof, UnderThickCloudAFifthOfTheStarsAndFiveOrHalfAreEnough) {
  const auto thick = [](int found, int stars) {
    std::vector<Sighting> sightings(static_cast<std::size_t>(stars), kNothing);
    std::fill(sightings.begin(), sightings.begin() + found, seen(0, 0, 0.15, 7.5));  // below what is expected
    return judge(sightings).outcome;
  };
  EXPECT_EQ(thick(5, 25), Outcome::kProved);
  EXPECT_EQ(thick(5, 26), Outcome::kTooFew);
  EXPECT_EQ(thick(3, 6), Outcome::kProved);
  EXPECT_EQ(thick(2, 6), Outcome::kTooFew);
  EXPECT_EQ(thick(5, 12), Outcome::kProved);
  EXPECT_EQ(thick(4, 12), Outcome::kTooFew);
}

TEST(FrameProof, FaintFieldsAreNotAskedForAtAll) {
  ProofList list = list_of(20);
  list.noise = 100 * kNoise;
  EXPECT_EQ(judge_sightings(show(0, 20), list, 100 * kNoise).outcome, Outcome::kNotJudged);
}

// A flat is so noisy that no star could be seen; the others show that a sky has them.
TEST(FrameProof, OwnNoiseIsNoExcuseForShowingNothing) {
  EXPECT_EQ(judge(show(0, 20), 100 * kNoise).outcome, Outcome::kTooFew);
}

TEST(FrameProof, OffsetsOfRegistrationPassAndTwoPixelsDoNot) {
  for (const double off : {0.1, 0.5, 1.15})
    EXPECT_EQ(judge(std::vector<Sighting>(20, seen(off, 0))).outcome, Outcome::kProved) << off;
  for (const double off : {1.25, 1.45})
    EXPECT_EQ(judge(std::vector<Sighting>(20, seen(0, -off))).outcome, Outcome::kShifted) << off;
  for (const double off : {2.0, 5.0, 12.0})
    EXPECT_EQ(judge(std::vector<Sighting>(20, seen(off, off))).outcome, Outcome::kTooFew) << off;
}

TEST(FrameProof, DistortionInACornerPasses) {
  std::vector<Sighting> sightings(20, seen(0.2, 0));
  std::fill(sightings.begin(), sightings.begin() + 6, seen(1.8, 0.3));
  EXPECT_EQ(judge(sightings).outcome, Outcome::kProved);
}

TEST(FrameProof, FluxesWithoutACommonScaleAreUneven) {
  const auto spread = [](double factor) {
    std::vector<Sighting> sightings;
    for (int i = 0; i < 20; ++i) sightings.push_back(seen(0, 0, i % 2 == 0 ? factor : 1 / factor));
    return judge(sightings);
  };
  // The robust sd of +-log(f) is 1.4826 log(f); the limit is 0.7.
  EXPECT_EQ(spread(1.5).outcome, Outcome::kProved);
  EXPECT_EQ(spread(1.7).outcome, Outcome::kUneven);
  EXPECT_NEAR(spread(1.7).flux_spread, 1.4826 * std::log(1.7), 1e-9);
}

FieldMatch fit(FieldMatch::Turn turn, double dx, double dy) { return {turn, dx, dy, 18}; }

TEST(FrameProof, TheTextNamesFiguresAndProbableCause) {
  using Turn = FieldMatch::Turn;
  const FrameProof none = judge(show(0, 20)), few = judge(show(4, 20));
  EXPECT_EQ(describe_bad_proof(none, {}, 0), "shows none of 20 stars: a dark, closed roof, or cloud?");
  EXPECT_EQ(describe_bad_proof(few, {}, 0), "shows 4 of 20 stars: a dark, closed roof, or cloud?");
  EXPECT_EQ(describe_bad_proof(few, {}, 30),
            "shows 4 of 20 stars at their places, and 30 others: another field, or not registered?");
  EXPECT_EQ(describe_bad_proof(none, fit(Turn::kNone, 12.1, 7), 20),
            "its stars lie 12.1 px to the right and 7.0 px up: not registered?");
  EXPECT_EQ(describe_bad_proof(none, fit(Turn::kNone, -2, 0.1), 20),
            "its stars lie 2.0 px to the left: not registered?");
  EXPECT_EQ(
      describe_bad_proof(none, fit(Turn::kHalf, 0, 0.2), 20),
      "its stars fit when the frame is turned by 180 degrees: flipped at the meridian and not registered?");
  EXPECT_NE(describe_bad_proof(none, fit(Turn::kHalf, 3, -4), 20)
                .find("turned by 180 degrees and moved by 3.0 px to the right and 4.0 px down"),
            std::string::npos);
  EXPECT_NE(describe_bad_proof(none, fit(Turn::kLeftRight, 0, 0), 20).find("mirrored left to right"),
            std::string::npos);
  const FrameProof shifted = judge(std::vector<Sighting>(20, seen(1.4, 0)));
  EXPECT_EQ(describe_bad_proof(shifted, {}, 20), "its stars lie 1.4 px to the right: not registered?");
}

std::vector<FrameProof> proofs_of(std::size_t odd, const FrameProof& proof) {
  FrameProof good;
  good.outcome = Outcome::kProved;
  good.on_frame = good.expected = good.found = 40;
  std::vector<FrameProof> proofs(30, good);
  std::fill(proofs.begin(), proofs.begin() + static_cast<std::ptrdiff_t>(odd), proof);
  return proofs;
}

TEST(Mixture, IsWhatMostFramesTellAndNotOne) {
  FrameProof uneven;
  uneven.outcome = Outcome::kUneven;
  uneven.on_frame = uneven.expected = uneven.found = 40;
  uneven.flux_spread = 1.2;
  FrameProof off = proofs_of(0, {}).front(), poor = off, spread = off;
  off.dx = 0.8;
  poor.found = 20;
  spread.flux_spread = 0.8;
  EXPECT_FALSE(shows_a_mixture(proofs_of(0, {})));
  for (const FrameProof& proof : {uneven, off, poor, spread}) {
    EXPECT_FALSE(shows_a_mixture(proofs_of(1, proof)));
    EXPECT_FALSE(shows_a_mixture(proofs_of(12, proof)));
    EXPECT_TRUE(shows_a_mixture(proofs_of(16, proof)));
  }
  EXPECT_TRUE(shows_a_mixture(proofs_of(13, uneven)));  // many bad ones
  EXPECT_TRUE(shows_a_mixture(std::vector<FrameProof>(30)));
}

}  // namespace
}  // namespace tilecompile
