#pragma once
#include <array>
#include <vector>

#include "tilecompile/image/counter_random.hpp"
#include "tilecompile/image/plane.hpp"
#include "tilecompile/simulate/simulate.hpp"
#include "tilecompile/simulate/simulated_faults.hpp"

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
  std::vector<DustShadow> dust;
  std::vector<BrightStar> bright_stars;
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
  FrameLight light;
  std::vector<GuidingStep> guiding;  ///< empty: the stars stay where they belong
};

/// Brightness of the nebula in a channel over that in the first.
double nebula_colour(int channel);

SimulatedScene make_scene(const SimulateOptions& options);
std::vector<SimulatedConditions> make_conditions(const SimulateOptions& options);

/// Draws session, moonlight and twilight of frame number `frame` (from 0).
void draw_light(const SimulateOptions& options, int frame, SimulatedConditions& conditions);
/// True sky at a place, ADU.
double true_sky(const SimulatedConditions& conditions, const SimulateOptions& options, double x, double y);
/// Adds moonlight and twilight (ADU).
void add_gradients(const SimulatedConditions& conditions, const SimulateOptions& options,
                   Plane<float>& plane);
/// Takes away what vignetting keeps from the detector.
void shade(const SimulatedConditions& conditions, const SimulateOptions& options, Plane<float>& plane);
/// 0 where the detector of the second session is not.
void cut_to_detector(const SimulatedConditions& conditions, const SimulateOptions& options,
                     Plane<float>& plane);
std::vector<DustShadow> make_dust(const SimulateOptions& options);
std::vector<BrightStar> make_bright_stars(const SimulateOptions& options);
/// One object that crosses the middle of the field.
MovingObject make_asteroid(const SimulateOptions& options);
/// Draws whether the stars of frame number `frame` (from 0) are trailed or doubled, and how.
void draw_guiding(const SimulateOptions& options, int frame, SimulatedConditions& conditions);

/// Root of the noise-equivalent area 1 / sum P^2 of the PSF over that without the guiding errors: what the
/// FWHM of a round star with the same matched-filter signal-to-noise is larger by.
double broadening(const SimulatedConditions& conditions);

/// Adds a star: Moffat profile of beta 4 and this FWHM, elongated and trailed as the conditions say.
void add_star(double x, double y, double flux, double fwhm_px, const SimulatedConditions& conditions,
              Plane<float>& plane);
/// Adds a patch of nebula under a seeing of this FWHM.
void add_knot(const SimulatedKnot& knot, double fwhm_px, Plane<float>& plane);
/// Takes away what a speck of dust keeps from the detector, whose first pixel lies at (dx, dy).
void add_shadow(const DustShadow& dust, int dx, int dy, Plane<float>& plane);

/// Normal deviates one after another, mean 0, standard deviation 1, out of 65536 values.
class NormalDraws {
 public:
  explicit NormalDraws(std::uint64_t seed);
  float next() {
    bits_ = n_ % 4 == 0 ? random_.bits(n_ / 4) : bits_ >> 16;  // four out of one number
    ++n_;
    return table_[bits_ & 0xffff];
  }

 private:
  const std::vector<float>& table_;
  CounterRandom random_;
  std::uint64_t n_ = 0, bits_ = 0;
};

/// Adds the bright stars with their halos, white.
void add_bright_stars(const SimulatedScene& scene, const SimulatedConditions& conditions,
                      const SimulateOptions& options, Plane<float>& plane);
/// What readout and dust do to the light of a frame: streaks along the columns of bright stars, shadows.
void add_sensor_faults(const SimulatedScene& scene, const SimulatedConditions& conditions,
                       const SimulateOptions& options, Plane<float>& plane);

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
