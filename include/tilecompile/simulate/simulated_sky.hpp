#pragma once
#include <array>

namespace tilecompile {

/// What moon, twilight and optics do to the sky of a simulated night; all off by default.
struct SimulatedSky {
  double gradient = 0;        ///< moonlight towards its side over the sky; its direction turns with the night
  double vignetting = 0;      ///< loss of light in the corners of the detector, which the field drifts over
  double second_session = 0;  ///< share of the frames whose detector is turned and covers half of the field

  bool any() const { return gradient > 0 || vignetting > 0 || second_session > 0; }
};

/// The light of one frame.
struct FrameLight {
  std::array<double, 5> gradient{};  ///< ADU of X, Y, X^2, X Y, Y^2, X, Y in -1..1 over the image
  bool second_session = false;
  double cosine = 1, sine = 0;  ///< of the angle by which the detector is turned
  double x = 0, y = 0;          ///< its centre on the image, px
};

}  // namespace tilecompile
