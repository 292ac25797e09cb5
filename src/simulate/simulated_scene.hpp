#pragma once
#include <array>
#include <vector>

#include "tilecompile/image/plane.hpp"
#include "tilecompile/simulate/simulate.hpp"

namespace tilecompile {

struct SimulatedStar {
  double x = 0, y = 0;  ///< px
  double flux = 0;      ///< ADU at transparency 1
  std::array<double, 3> colour{1, 1, 1};
};

/// A small round Gaussian patch of nebula, sharp enough for the seeing to matter.
struct SimulatedKnot {
  double x = 0, y = 0, sigma_px = 0, flux = 0;
};

struct HotPixel {
  int x = 0, y = 0;  ///< on the detector
  double level_adu = 0;
};

/// A small planet: a point source on a straight path over the night.
struct MovingObject {
  double x0 = 0, y0 = 0;  ///< px, in the first frame
  double dx = 0, dy = 0;  ///< px, from the first frame to the last
  double flux = 0;        ///< ADU at transparency 1
};

/// What does not belong to the scene.
enum class DefectKind { moving_object, trail, hot_pixel, cosmic_ray };

const char* name_of(DefectKind kind);

/// What a defect adds to a pixel of a frame. A pixel can have several.
struct Defect {
  DefectKind kind = DefectKind::cosmic_ray;
  int x = 0, y = 0;  ///< on the registered frame
  float adu = 0;
};

/// What does not change during the night.
struct SimulatedScene {
  std::vector<SimulatedStar> stars;
  std::vector<SimulatedKnot> knots;
  Plane<float> glow;  ///< the broad parts of the nebula, first channel, ADU
  std::vector<HotPixel> hot_pixels;
  std::vector<MovingObject> moving_objects;
};

/// One frame's conditions.
struct SimulatedConditions {
  double transparency = 1;
  double fwhm_px = 3;  ///< geometric mean of the axes at the centre of the seeing field
  std::array<double, 5>
      field{};  ///< log FWHM = .. + field . {X, Y, X Y, X^2 - 1/3, Y^2 - 1/3}, X, Y in -1..1
  double axis_ratio = 1, cosine = 1, sine = 0;  ///< minor / major, direction of the major axis
  double sky_adu = 0;
  double sky_slope_x = 0, sky_slope_y = 0;  ///< ADU from the centre to the edge
  int dx = 0, dy = 0;                       ///< place of the detector's first pixel
  bool trail = false, bad = false;
};

/// Brightness of the nebula in a channel over that in the first.
double nebula_colour(int channel);

SimulatedScene make_scene(const SimulateOptions& options);
std::vector<SimulatedConditions> make_conditions(const SimulateOptions& options);

/// True FWHM at a place, px.
double local_fwhm(const SimulatedConditions& conditions, const SimulateOptions& options, double x, double y);

/// Adds stars and nebula under the conditions' PSF and transparency to `plane` (ADU).
void add_objects(const SimulatedScene& scene, const SimulatedConditions& conditions,
                 const SimulateOptions& options, int channel, Plane<float>& plane);

/// Adds an object where it is after `share` (0..1) of the night.
void add_moving_object(const MovingObject& object, double share, const SimulatedConditions& conditions,
                       const SimulateOptions& options, Plane<float>& plane);

/// Defects of one channel of frame number `frame` (from 0) inside the image, in the order in which they are
/// added: moving objects, trail, hot pixels, cosmic rays. Some may lie where the detector is not.
std::vector<Defect> frame_defects(const SimulatedScene& scene, const SimulatedConditions& conditions,
                                  const SimulateOptions& options, int frame, int channel);

/// One channel of frame number `frame` (from 0) in ADU, before rounding; 0 where the detector is not.
Plane<float> render_frame(const SimulatedScene& scene, const SimulatedConditions& conditions,
                          const SimulateOptions& options, int frame, int channel);

}  // namespace tilecompile
