#pragma once
#include <optional>
#include <vector>

#include "tilecompile/align/transform.hpp"

namespace tilecompile {

/// A star of the reference and the same star in a frame.
struct StarPair {
  Point reference, frame;
  double weight = 1;  ///< one over the square of the expected error of their distance, 1/px^2
  int reference_star = -1, frame_star = -1;  ///< indices in the two lists
};

/// Distance in px of the frame's star from where the transform puts the reference's.
double residual_px(const Transform& t, const StarPair& pair);

/// Robust least squares in double: the weights of the pairs times those of Tukey's function of the residuals
/// over their errors, cut at 5 times their scale, in 12 rounds from equal ones. Sums run in the order of the
/// pairs. Nothing when there are fewer pairs than the model needs, or they lie so that it is not determined.
std::optional<Transform> fit_transform(const std::vector<StarPair>& pairs, TransformModel model);

/// The least model that explains the residuals of stars left out of the fit (`raw.md` R3.4): the pairs are
/// cut into five parts, each is left out in turn, and the first model whose mean residual of the left-out
/// pairs (the better 90 % of them) is within 3 % of the best model's is fitted to all. A model is tried from
/// three pairs for every two of its numbers on, at least three; fewer than 3 pairs: nothing.
std::optional<Transform> fit_best_transform(const std::vector<StarPair>& pairs);

/// Root mean square of the residuals of a frame, px, without pairs beyond 3 robust standard deviations.
double residual_rms_px(const Transform& t, const std::vector<StarPair>& pairs);

}  // namespace tilecompile
