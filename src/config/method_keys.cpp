#include <nlohmann/json.hpp>

#include "section_rows.hpp"

namespace tilecompile {
namespace {

using Table = std::vector<Key>;

// exp(50) * exp(50) is far from overflow, and nobody wants to weight one frame e^100 times another.
constexpr Between kClampLimits{-50, 50};
constexpr Between kShare{0, 1};

void add_data(Table& table) {
  SectionRows<DataParams> data(
      table, "data", kMethod, [](auto& s) -> auto& { return s.run.method.data; });
  data.add("image_width", &DataParams::image_width, Between{0, 1000000},
           "Width of a frame in pixels; 0: taken from the frames");
  data.add("image_height", &DataParams::image_height, Between{0, 1000000},
           "Height of a frame in pixels; 0: taken from the frames");
  data.add("frames_min", &DataParams::frames_min, Between{1, 1000000},
           "Fewest frames a run may have; fewer is an error before any work");
  data.add("frames_target", &DataParams::frames_target, Between{0, 1000000},
           "Number of frames aimed for; informative; 0: none");
  data.add_choice(
      "color_mode", &DataParams::color_mode,
      Choices<ColorMode>{{"auto", ColorMode::kAuto},
                         {"MONO", ColorMode::kMono},
                         {"OSC", ColorMode::kOsc},
                         {"RGB", ColorMode::kRgb}},
      "Kind of sensor; MONO takes frames with BAYERPAT as grey ones, MONO and RGB keep Siril from "
      "debayering");
  data.add("linear_required", &DataParams::linear_required, "Refuse frames that look stretched");
  data.add_choice(
      "zero_is_nodata", &DataParams::zero_is_nodata,
      Choices<ZeroIsNodata>{
          {"auto", ZeroIsNodata::kAuto}, {true, ZeroIsNodata::kAlways}, {false, ZeroIsNodata::kNever}},
      "Which pixels of exactly 0 hold no data; auto: those of borders and large flat areas, which "
      "registration leaves; true: all; false: none");
  data.add("saturation", &DataParams::saturation, Between{0, 1e12},
           "Level of saturation in input units; 0: 95 % of the largest code");
  data.add("exposure_tolerance_percent", &DataParams::exposure_tolerance_percent, Between{0, 1000},
           "How far the exposures of the frames may differ, in percent");
}

void add_normalization(Table& table) {
  using Mode = NormalizationParams::Mode;
  SectionRows<NormalizationParams> normalization(
      table, "normalization", kMethod, [](auto& s) -> auto& { return s.run.method.normalization; });
  normalization.add_fixed("enabled", true, "Normalise every frame before any metric; must be true",
                          "without it the sky's brightness, not the sharpness, would decide the weights");
  normalization.add_choice(
      "mode", &NormalizationParams::mode,
      Choices<Mode>{
          {"background", Mode::kBackground}, {"median", Mode::kMedian}, {"photometric", Mode::kPhotometric}},
      "Divide a frame by its clipped background or its plain median, or (photometric) subtract "
      "the background and divide by the flux scale of its stars");
  normalization.add_fixed("per_channel", true, "Normalise each channel by itself; must be true",
                          "channels never mix, and the sky has its own level in each");
}

void add_global_metrics(Table& table) {
  SectionRows<GlobalMetricsParams> global(
      table, "global_metrics", kMethod, [](auto& s) -> auto& { return s.run.method.global_metrics; });
  global.add_choice(
      "mode", &GlobalMetricsParams::mode,
      Choices<GlobalMetricsParams::Mode>{{"v2", GlobalMetricsParams::Mode::kV2},
                                         {"inverse_variance", GlobalMetricsParams::Mode::kInverseVariance}},
      "Weight of a frame: the exponential of its quality, or one over its noise squared");
  global.add("adaptive_weights", &GlobalMetricsParams::adaptive_weights,
             "Let the spread of the three scores over the night set their shares");
  global.add("weights.background", &GlobalMetricsParams::weight_background, kShare,
             "Share of a low background in a frame's quality; the three shares sum to 1");
  global.add("weights.noise", &GlobalMetricsParams::weight_noise, kShare,
             "Share of low noise in a frame's quality; the three shares sum to 1");
  global.add("weights.gradient", &GlobalMetricsParams::weight_gradient, kShare,
             "Share of gradient energy in a frame's quality; the three shares sum to 1");
  global.add("clamp", &GlobalMetricsParams::clamp, kClampLimits,
             "[low, high] that a frame's quality is clamped to before the exponential");
  global.add("max_frame_share", &GlobalMetricsParams::max_frame_share, kShare,
             "Largest share of the weight that one of 20 or more frames may have; 0: no limit");
}

void add_tile(Table& table) {
  SectionRows<GridParams> tile(
      table, "tile", kMethod, [](auto& s) -> auto& { return s.run.method.tile; });
  tile.add("size_factor", &GridParams::size_factor, Between{1, 1000}, "Edge of a tile in units of the FWHM");
  tile.add("min_size", &GridParams::min_size, Between{1, 65536},
           "Smallest edge of a tile in pixels; below 16 counts as 16");
  tile.add("max_divisor", &GridParams::max_divisor, Between{1, 1000},
           "Largest edge of a tile is the shorter image side divided by this");
  tile.add("overlap_fraction", &GridParams::overlap_fraction, Between{0, 0.5},
           "Overlap of neighbouring tiles as a share of the edge");
  tile.add("star_min_count", &GridParams::star_min_count, Between{1, 10000},
           "Reference stars that make a tile a STAR tile");
  tile.add("min_valid_fraction", &GridParams::min_valid_fraction, kShare,
           "Share of a tile a frame must cover to be measured there");
}

void add_local_metrics(Table& table) {
  using Local = LocalMetricsParams;
  SectionRows<Local> local(
      table, "local_metrics", kMethod, [](auto& s) -> auto& { return s.run.method.local_metrics; });
  local.add_choice(
      "mode", &Local::mode, Choices<Local::Mode>{{"v2", Local::Mode::kV2}, {"seeing", Local::Mode::kSeeing}},
      "Weight of a frame in a tile: by the tile's stars or structure, or by the frame's noise and "
      "smooth field of seeing");
  local.add("sharpness", &Local::sharpness, Between{0, 20},
            "Exponent of the seeing in mode seeing: 2 for the deepest picture, more for a sharper one");
  local.add(
      "min_effective_fraction", &Local::min_effective_fraction, kShare,
      "Least effective number of frames of a tile, as a share of what noise weights alone would give; the "
      "exponent is lowered where needed; 0: no limit");
  local.add("clamp", &Local::clamp, kClampLimits,
            "[low, high] that a tile's quality is clamped to before the exponential");
  local.add_fixed("star_mode.fwhm_transform", "log", "FWHM is compared by its logarithm");
  local.add("star_mode.weights.fwhm", &Local::star_weight_fwhm, kShare,
            "Share of a small FWHM in the quality of a STAR tile; the three shares sum to 1");
  local.add("star_mode.weights.roundness", &Local::star_weight_roundness, kShare,
            "Share of round stars in the quality of a STAR tile; the three shares sum to 1");
  local.add("star_mode.weights.contrast", &Local::star_weight_contrast, kShare,
            "Share of contrast in the quality of a STAR tile; the three shares sum to 1");
  local.add_fixed("structure_mode.metric", "energy_over_sigma", "Gradient energy over noise");
  local.add("structure_mode.background_weight", &Local::structure_weight_background, kShare,
            "Share of a low background in the quality of a STRUCTURE tile; sums to 1 with metric_weight");
  local.add("structure_mode.metric_weight", &Local::structure_weight_metric, kShare,
            "Share of the metric in the quality of a STRUCTURE tile; sums to 1 with background_weight");
}

void add_synthetic(Table& table) {
  using Enabled = SyntheticParams::Enabled;
  using Weighting = SyntheticParams::Weighting;
  SectionRows<SyntheticParams> synthetic(
      table, "synthetic", kMethod, [](auto& s) -> auto& { return s.run.method.synthetic; });
  synthetic.add_choice(
      "enabled", &SyntheticParams::enabled,
      Choices<Enabled>{{"auto", Enabled::kAuto}, {true, Enabled::kOn}, {false, Enabled::kOff}},
      "Form synthetic frames and stack them; auto: from 200 frames on");
  synthetic.add_choice(
      "weighting", &SyntheticParams::weighting,
      Choices<Weighting>{{"tile_weighted", Weighting::kTileWeighted}, {"global", Weighting::kGlobal}},
      "How the frames of a cluster are combined: tile by tile, or with one weight a frame");
  synthetic.add("frames_min", &SyntheticParams::frames_min, Between{1, 10000}, "Fewest synthetic frames");
  synthetic.add("frames_max", &SyntheticParams::frames_max, Between{1, 10000}, "Most synthetic frames");
  synthetic.add_fixed("clustering.mode", "state_vector", "Frames are grouped by their state vector");
  synthetic.add_fixed("clustering.vector",
                      nlohmann::json::array({"global_weight", "tile_quality_mean", "tile_quality_variance",
                                             "background", "noise"}),
                      "Components of the state vector");
}

void add_pixel_rules(Table& table) {
  SectionRows<RejectionParams> rejection(
      table, "reconstruction", kMethod,
      [](auto& s) -> auto& { return s.run.method.reconstruction.rejection; });
  rejection.add_choice("rejection", &RejectionParams::mode,
                       Choices<RejectionParams::Mode>{{"none", RejectionParams::Mode::kNone},
                                                      {"off", RejectionParams::Mode::kNone},
                                                      {"sigma_clip", RejectionParams::Mode::kSigmaClip}},
                       "Leave out pixels of single frames that lie far from the other frames' pixels");
  rejection.add("sigma_low", &RejectionParams::sigma_low, Between{1, 1000},
                "Standard deviations below the median from where a pixel is rejected");
  rejection.add("sigma_high", &RejectionParams::sigma_high, Between{1, 1000},
                "Standard deviations above the median from where a pixel is rejected");
  rejection.add("rejection_rounds", &RejectionParams::rounds, Between{1, 100},
                "Most rounds of rejection at a pixel");
  rejection.add("rejection_min_kept_fraction", &RejectionParams::min_kept_fraction, kShare,
                "Fewer kept than this share of the valid frames: the plain mean comes back");
  SectionRows<NoiseGuardParams> guard(
      table, "reconstruction", kMethod,
      [](auto& s) -> auto& { return s.run.method.reconstruction.noise_guard; });
  guard.add_choice("noise_guard", &NoiseGuardParams::mode,
                   Choices<NoiseGuardParams::Mode>{{"off", NoiseGuardParams::Mode::kOff},
                                                   {"none", NoiseGuardParams::Mode::kOff},
                                                   {"significance", NoiseGuardParams::Mode::kSignificance}},
                   "Take the quietest mean of the frames where sharper weights change nothing significant");
  guard.add("noise_guard_low", &NoiseGuardParams::low, Between{0, 1000},
            "Significance from where the sharp mean enters");
  guard.add("noise_guard_high", &NoiseGuardParams::high, Between{0, 1000},
            "Significance from where the sharp mean is all");
  guard.add("noise_guard_reach_fwhm", &NoiseGuardParams::reach_fwhm, Between{0, 20},
            "Radius of the disc that a star's core takes with it, in units of the seeing");
}

void add_reconstruction(Table& table) {
  using Rescale = ReconstructionParams::TileRescale;
  SectionRows<ReconstructionParams> reconstruction(
      table, "reconstruction", kMethod, [](auto& s) -> auto& { return s.run.method.reconstruction; });
  reconstruction.add_fixed("weighting_function", "exponential", "Weight of a quality score");
  reconstruction.add_fixed("window_function", "hanning", "Window tiles are blended with");
  reconstruction.add_choice(
      "tile_rescale", &ReconstructionParams::tile_rescale,
      Choices<Rescale>{{"none", Rescale::kNone},
                       {"off", Rescale::kNone},
                       {"median_after_background_subtraction", Rescale::kMedianAfterBackgroundSubtraction},
                       {"reference", Rescale::kReference}},
      "What brings tiles to one level before they are blended: nothing, their medians (bends photometry on "
      "real "
      "fields), or the classical stack");
  using Sky = ReconstructionParams::LocalSky;
  reconstruction.add_choice(
      "local_sky", &ReconstructionParams::local_sky,
      Choices<Sky>{{"none", Sky::kNone}, {"off", Sky::kNone}, {"mean", Sky::kMean}},
      "Bring the sky of every frame to that of their plain mean by a smooth surface, so that gradients "
      "which differ from frame to frame do not bend fluxes");
  reconstruction.add("edge_feather_px", &ReconstructionParams::edge_feather_px, Between{0, 10000},
                     "Width in px over which a frame fades in from its own border; 0: not at all");
  add_pixel_rules(table);
  reconstruction.add("frame_chunk", &ReconstructionParams::frame_chunk, Between{1, 65536},
                     "Frames a partial sum; fixes the order of every sum over frames");
}

}  // namespace

void add_method_keys(Table& table) {
  add_data(table);
  add_normalization(table);
  add_global_metrics(table);
  add_tile(table);
  add_local_metrics(table);
  add_synthetic(table);
  add_reconstruction(table);
  SectionRows<StackingParams> stacking(
      table, "stacking", kMethod, [](auto& s) -> auto& { return s.run.method.stacking; });
  using Mean = StackingParams::Method;
  stacking.add_choice(
      "method", &StackingParams::method,
      Choices<Mean>{{"average", Mean::kAverage}, {"weighted_average", Mean::kWeightedAverage}},
      "Mean of the synthetic frames, plain or weighted by the frames behind each of them");
}

}  // namespace tilecompile
