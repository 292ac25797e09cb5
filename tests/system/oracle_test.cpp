#include "oracle_fixture.hpp"

// Runs of the real program on a simulated night, recomputed from the frames by tests/oracle/run_oracle.py,
// which was written from the method's text and shares no code with the program.

namespace tilecompile::oracle {
namespace {

TEST_F(Oracle, AgreesOnMono) {
  run_night("", "--set reconstruction.tile_rescale=none");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnRescaledTiles) {
  run_night("--seed 2", "--set reconstruction.tile_rescale=median_after_background_subtraction");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnThreeChannels) {
  run_night("--seed 3 --channels 3", "--set reconstruction.tile_rescale=median_after_background_subtraction");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnFloats) {
  run_night("--seed 4 --bitpix -32", "--set output.units=normalized --set normalization.mode=median");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnSumsInSmallChunks) {
  run_night("--seed 5 --bad 0.2", "--set reconstruction.frame_chunk=5");
  if (HasFatalFailure()) return;
  expect_agreement();
}

// Figures of quality are recomputed to the last digits where products are not rounded a second time.
const std::string kClusters = " --set synthetic.enabled=true --set synthetic.frames_min=3 ";
const std::string kExact = " --set output.units=normalized ";

TEST_F(Oracle, AgreesOnSyntheticFrames) {
  run_night("--seed 6", kClusters + kExact + "--set validation.max_background_rms_increase_percent=20");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnSyntheticFramesOfRescaledColour) {
  run_night("--seed 7 --channels 3",
            kClusters + "--set reconstruction.tile_rescale=median_after_background_subtraction");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnSyntheticFramesOfGlobalWeights) {
  run_night("--seed 8", kClusters + kExact + "--set synthetic.weighting=global");
  if (HasFatalFailure()) return;
  expect_agreement();
}

TEST_F(Oracle, AgreesOnRealFrames) {
  TILECOMPILE_NEEDS_DATA("hatp32")
  frames_ = test_data() / "hatp32";
  std::ofstream(dir_ / "run.yaml") << "input: {dir: '" << frames_.string() << "'}\n"
                                   << "data: {saturation: 3800}\n"
                                   << "validation: {min_fwhm_improvement_percent: 5}\n";
  run(dir_ / "run.yaml", kExact + "--set synthetic.enabled=true");
  if (HasFatalFailure()) return;
  const Output verdict = judge();
  std::printf("%s", verdict.text.c_str());
  EXPECT_EQ(verdict.exit_code, 0) << verdict.text;
  EXPECT_EQ(verdict.text.find("(0 STAR"), std::string::npos) << "no STAR tile was checked";
}

TEST_F(Oracle, FindsPlantedErrors) {
  run_night("", kClusters + kExact);
  if (HasFatalFailure()) return;
  ASSERT_EQ(judge(" --no-fits").exit_code, 0);
  // Of each list every error has a line of its own.
  const std::vector<std::vector<Error>> lists = {
      {{"reconstruction.fits", "", "", "reconstruction [0]"},
       {"synthetic/syn_01.fits", "", "", "syn_01 [0]"},
       {"synthetic/syn_01.weight.fits", "", "", "syn_01 weight map"}},
      {{"stacked.fit", "", "", "stack: mean of the synthetic frames, pixels"}},
      {{"run.json", "\"stack\": {", "background_rms", "stack common: background_rms "},
       {"run.json", "\"stack\": {", "flux_ratio", "stack common: flux_ratio"},
       {"run.json", "\"stack\": {", "flux_scatter_percent", "stack common: flux_scatter_percent"},
       {"run.json", "\"stack\": {", "fwhm_px", "stack common: fwhm_px"},
       {"run.json", "\"stack\": {", "amplitude", "stack: tile pattern"},
       {"run.json", "\"tile_weight_variance\"", "value", "verdict: values"}}};
  for (const std::vector<Error>& errors : lists) expect_found(errors);
}

// The first frame of all goes to another cluster.
TEST_F(Oracle, FindsAFrameInTheWrongCluster) {
  run_night("", kClusters + kExact);
  if (HasFatalFailure()) return;
  std::string text = text_of(run_dir_ / "clusters.json");
  const std::size_t first = text.find('[') + 1;
  text[first] = '1';
  std::ofstream(run_dir_ / "clusters.json") << text;
  const Output verdict = judge(" --no-fits");
  EXPECT_EQ(verdict.exit_code, 1) << verdict.text;
  EXPECT_TRUE(fails(verdict.text, "frame_metrics.csv: cluster")) << verdict.text;
}

}  // namespace
}  // namespace tilecompile::oracle
