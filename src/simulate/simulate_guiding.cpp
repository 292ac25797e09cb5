#include <cmath>

#include "simulated_scene.hpp"
#include "tilecompile/image/counter_random.hpp"

namespace tilecompile {
namespace {

constexpr std::uint64_t kGuiding = 12;  // stream of random numbers
constexpr double kStepPx = 0.5;
constexpr int kProbeSide = 161;

// Evenly along a line through the star's place.
std::vector<GuidingStep> trail_of(double length_px, double turns) {
  const int steps = 1 + static_cast<int>(std::ceil(length_px / kStepPx));
  std::vector<GuidingStep> guiding;
  for (int i = 0; i < steps; ++i) {
    const double along = length_px * (static_cast<double>(i) / (steps - 1) - 0.5);
    guiding.push_back({along * exact_cos_turns(turns), along * exact_cos_turns(turns - 0.25), 1.0 / steps});
  }
  return guiding;
}

double noise_area(const SimulatedConditions& c) {
  Plane<float> probe(kProbeSide, kProbeSide);
  add_star(kProbeSide / 2, kProbeSide / 2, 1e6, c.fwhm_px, c, probe);
  double sum = 0, squares = 0;
  for (const float p : probe.samples()) {
    sum += p;
    squares += static_cast<double>(p) * p;
  }
  return sum * sum / squares;
}

}  // namespace

void draw_guiding(const SimulateOptions& options, int frame, SimulatedConditions& conditions) {
  const CounterRandom random(options.seed, kGuiding, static_cast<std::uint64_t>(frame));
  const double event = random.uniform(0), turns = random.uniform(1), size = random.uniform(2);
  const SimulatedFaults& faults = options.faults;
  if (event < faults.trailed_fraction) {
    conditions.guiding = trail_of((1 + 3 * size) * options.fwhm_px, turns);
  } else if (event < faults.trailed_fraction + faults.doubled_fraction) {
    // frames are registered by the brighter of the two
    const double apart = (1 + 2 * size) * options.fwhm_px, second = 0.25 + 0.25 * random.uniform(3);
    conditions.guiding = {{0, 0, 1 - second},
                          {apart * exact_cos_turns(turns), apart * exact_cos_turns(turns - 0.25), second}};
  }
}

double broadening(const SimulatedConditions& conditions) {
  if (conditions.guiding.empty()) return 1;
  SimulatedConditions steady = conditions;
  steady.guiding.clear();
  return std::sqrt(noise_area(conditions) / noise_area(steady));
}

}  // namespace tilecompile
