#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

const char* const kReportRunId = "0a1b2c3d-0000-4000-8000-000000000031";
const char* const kEvilFrame = "a<img src=x onerror=injected=1>b.fits";

void write(const fs::path& file, const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

bool has_browser() { return run_shell("command -v chromium").exit_code == 0; }

/// A small night in colour with clouds and trails, one frame with a name that is markup and one that is no
/// frame, and a run over it with synthetic frames.
class Report : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = std::make_unique<TempDir>();
    ASSERT_EQ(run_program("simulate '" + path("night") +
                          "' --frames 12 --width 190 --height 130 --channels 3 --stars 60 --drift 12 "
                          "--trails 0.5 --threads 2")
                  .exit_code,
              0);
    fs::path last;
    for (const auto& item : fs::directory_iterator(*folder_ / "night/frames"))
      last = std::max(last, item.path());
    fs::rename(last, last.parent_path() / kEvilFrame);
    write(last.parent_path() / "torn.fits", "SIMPLE  =                    T");
    run_ = std::make_unique<ProgramOutput>(run_once("out"));
    ASSERT_THAT(run_->exit_code, testing::AnyOf(0, 3)) << run_->text;
  }
  static void TearDownTestSuite() {
    folder_.reset();
    run_.reset();
  }
  static std::string path(const std::string& name) { return (*folder_ / name).string(); }
  static fs::path run_dir() { return *folder_ / "out" / kReportRunId; }
  static ProgramOutput run_once(const std::string& output) {
    return run_program("run '" + path("night/run.yaml") + "' --quiet --run-id " + kReportRunId +
                       " --output '" + path(output) +
                       "' --set data.frames_min=5 --set input.on_bad_frame=quarantine "
                       "--set synthetic.enabled=true --set synthetic.frames_min=2");
  }
  static std::string page() { return file_text(run_dir() / "report.html"); }

  // What the probe saw of the page in a browser window; a screenshot is left where TILECOMPILE_SCREENSHOTS
  // says.
  static json look(const std::string& html, int width, const std::string& flags) {
    const std::string probe = file_text(fs::path(source_dir()) / "tests/system/report_probe.js");
    std::string probed = html;
    const std::string before = "<script type=\"application/json\"";
    probed.insert(probed.find(before),
                  "<script>window.errors = []; console.error = (...a) => errors.push(a.join(' '));"
                  "addEventListener('error', e => errors.push(e.message), true);"
                  "addEventListener('securitypolicyviolation', e => errors.push('loads ' + e.blockedURI));"
                  "</script>");
    probed.insert(probed.rfind("</body>"),
                  "<script>addEventListener('load', () => {" + probe + "});</script>");
    const TempDir folder;
    write(folder / "probed.html", probed);
    const std::string chromium =
        "timeout -k 5 120 chromium --headless=new --no-sandbox --disable-gpu --no-first-run "
        "--disable-background-networking --virtual-time-budget=4000 --user-data-dir='" +
        (folder / "profile").string() + "' --window-size=" + std::to_string(width) + ",1000 " + flags + " ";
    const ProgramOutput out =
        run_shell(chromium + "--dump-dom 'file://" + (folder / "probed.html").string() + "' 2>/dev/null");
    if (const char* shots = std::getenv("TILECOMPILE_SCREENSHOTS"); shots != nullptr)
      run_shell(chromium + "--hide-scrollbars --screenshot='" + shots + "/report_" + std::to_string(width) +
                (flags.empty() ? "_light" : "_dark") + ".png' 'file://" +
                (run_dir() / "report.html").string() + "'");
    const std::string mark = "<pre id=\"seen\">";
    const std::size_t from = out.text.find(mark);
    if (from == std::string::npos) return {{"errors", {"the probe did not run: " + out.text.substr(0, 500)}}};
    std::string text =
        out.text.substr(from + mark.size(), out.text.find("</pre>", from) - from - mark.size());
    for (const auto& [name, sign] : {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}})
      for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; ++at)
        text.replace(at, std::string(name).size(), sign);
    return json::parse(text);
  }

  static std::unique_ptr<TempDir> folder_;
  static std::unique_ptr<ProgramOutput> run_;
};
std::unique_ptr<TempDir> Report::folder_;
std::unique_ptr<ProgramOutput> Report::run_;

TEST_F(Report, EveryRunLeavesOneAndTheCommandWritesTheSame) {
  const std::string first = page();
  ASSERT_GT(first.size(), 10000u);
  EXPECT_LT(first.size(), 4u << 20);
  fs::remove(run_dir() / "report.html");
  const ProgramOutput again = run_program("report '" + run_dir().string() + "'");
  EXPECT_EQ(again.exit_code, 0) << again.text;
  EXPECT_EQ(again.text, (run_dir() / "report.html").string() + "\n");
  EXPECT_EQ(page(), first);
  EXPECT_EQ(run_program(std::string("report ") + kReportRunId + " --output '" + path("out") + "'").exit_code,
            0);
}

TEST_F(Report, ItsFailureIsAWarningAndNoMore) {
  const fs::path other = *folder_ / "other" / kReportRunId;
  fs::create_directories(other / "report.html/in_the_way");
  const ProgramOutput run = run_once("other");
  EXPECT_EQ(run.exit_code, run_->exit_code) << run.text;
  EXPECT_THAT(run.text, HasSubstr("the run has no report"));
  EXPECT_THAT(run_record(other).at("warnings").dump(), HasSubstr("the run has no report"));
  EXPECT_EQ(product_digests(other), product_digests(run_dir()));
}

TEST_F(Report, ItsConfigurationIsOneThatGivesTheSameRun) {
  const std::string mark = "<script type=\"application/json\" id=\"data\">";
  const std::string html = page();
  const std::size_t from = html.find(mark) + mark.size();
  const json record = json::parse(html.substr(from, html.find("</script>", from) - from)).at("record");
  write(*folder_ / "again.yaml", record.at("configuration").dump(2));
  const ProgramOutput config = run_program("config '" + path("again.yaml") + "'");
  EXPECT_THAT(config.text, HasSubstr("config_hash " + record.at("config_hash").get<std::string>()));
}

TEST_F(Report, AFolderThatIsNoRunIsRefused) {
  const ProgramOutput out = run_program("report '" + path("night") + "'");
  EXPECT_EQ(out.exit_code, 4);
  EXPECT_THAT(out.text, HasSubstr("there is no run.json"));
}

TEST_F(Report, WhatIsMissingIsSaid) {
  const TempDir folder;
  fs::copy(run_dir() / "run.json", folder / "run.json");
  ASSERT_EQ(run_program("report '" + folder.path().string() + "'").exit_code, 0);
  const std::string bare = file_text(folder / "report.html");
  for (const char* part : {"grid.json is not there", "no final picture", "tile_metrics.fits is not there",
                           "frame_metrics.csv is not there"})
    EXPECT_THAT(bare, HasSubstr(part));
  if (!has_browser()) GTEST_SKIP() << "no chromium";
  const json seen = look(bare, 900, "");
  EXPECT_THAT(seen.at("errors"), IsEmpty()) << seen.dump(1);
  EXPECT_EQ(seen.value("ready", ""), "yes");
}

TEST_F(Report, ADamagedFileLeavesAGapThatIsNamed) {
  const TempDir folder;
  for (const char* name : {"run.json", "grid.json", "stacked.fit", "classical.fits", "stacked.neff.fits",
                           "stacked.coverage.fits", "tile_metrics.fits"})
    fs::copy(run_dir() / name, folder / name);
  for (const char* name : {"stacked.neff.fits", "tile_metrics.fits"}) fs::resize_file(folder / name, 6000);
  write(folder / "grid.json", "{\"tiles\": ");
  ASSERT_EQ(run_program("report '" + folder.path().string() + "'").exit_code, 0);
  const std::string html = file_text(folder / "report.html");
  for (const char* part : {"grid.json is damaged", "weights of tiles: reading", "(N_eff): ", "\"coverage\""})
    EXPECT_THAT(html, HasSubstr(part));
}

TEST_F(Report, ABrowserShowsAllOfItAndEverythingWorks) {
  if (!has_browser()) GTEST_SKIP() << "no chromium";
  const json seen = look(page(), 1200, "");
  ASSERT_THAT(seen.at("errors"), IsEmpty()) << seen.dump(1);
  EXPECT_EQ(seen.at("ready"), "yes");
  EXPECT_EQ(seen.at("injected"), "no");
  EXPECT_THAT(seen.at("emptyPlots"), IsEmpty());
  EXPECT_THAT(seen.at("emptySections"), IsEmpty());
  EXPECT_EQ(seen.at("nameless"), 0);
  for (const char* plot : {"FWHM before and after",
                           "FWHM of the stars",
                           "FWHM over the image",
                           "SNR against resolution",
                           "Time and CPU by phase",
                           "Compute time by worker",
                           "FWHM",
                           "Transparency",
                           "Background",
                           "Noise",
                           "Weight of a frame",
                           "Weight in the tiles",
                           "Clusters",
                           "Tile grid",
                           "Effective frames of a tile",
                           "Weights of frames in tiles, over the mean of their tile",
                           "Background of the final picture",
                           "Noise of a pixel, from the noise of the frames",
                           "Effective number of frames (N_eff)",
                           "Frames that cover a pixel",
                           "Final picture minus plain mean",
                           "Differences to the plain mean",
                           "Rejected pixels of a frame"})
    EXPECT_THAT(seen.at("plots"), Contains(plot));
  EXPECT_EQ(seen.at("pictures"), json::parse("[[190, 130], [190, 130]]"));
  EXPECT_EQ(seen.at("slider"), json({"inset(0px 0px 0px 80%)", "inset(0px 0px 0px 0%)"}));
  EXPECT_EQ(seen.at("blink"), json({"true", "Final picture"}));
  EXPECT_GE(seen.at("zoom").get<double>(), 1.9);
  const auto up = seen.at("up").get<std::vector<double>>(), down = seen.at("down").get<std::vector<double>>();
  EXPECT_EQ(up.size(), 36u);  // 12 frames in 3 channels
  EXPECT_TRUE(std::is_sorted(up.begin(), up.end()));
  EXPECT_TRUE(std::is_sorted(down.rbegin(), down.rend()));
  EXPECT_EQ(seen.at("sorted"), "descending");
  EXPECT_THAT(seen.at("asked").get<std::string>(),
              HasSubstr(std::string("tilecompile explain ") + kReportRunId));
  EXPECT_THAT(seen.at("askedByKeys").get<std::string>(), HasSubstr(std::string(kReportRunId) + " 3 5"));
  ASSERT_EQ(seen.at("story").size(), 9u);  // the six frames with most of the pixel, the three with least
  double before = 100;
  for (const json& frame : seen.at("story")) {
    EXPECT_THAT(frame.at(0).get<std::string>(), HasSubstr(".fits"));
    const double part = std::stod(frame.at(1).get<std::string>());
    EXPECT_LE(part, before);
    EXPECT_GT(part, 0);
    before = part;
  }
  EXPECT_THAT(seen.at("taken").dump(), HasSubstr("quarantined: "));
  EXPECT_THAT(seen.at("tip").get<std::string>(), HasSubstr(".fits"));
  EXPECT_GE(seen.at("contrast").get<double>(), 4.5);
  EXPECT_GT(seen.at("background").get<double>(), 0.7);
}

TEST_F(Report, DarkAndNarrowWindowsShowItAsWell) {
  if (!has_browser()) GTEST_SKIP() << "no chromium";
  for (const int width : {500, 1200}) {
    const json seen = look(page(), width, "--blink-settings=preferredColorScheme=0");
    ASSERT_THAT(seen.at("errors"), IsEmpty()) << seen.dump(1);
    EXPECT_GE(seen.at("contrast").get<double>(), 4.5) << width;
    EXPECT_LT(seen.at("background").get<double>(), 0.05) << width;
    EXPECT_LE(seen.at("tooWide").get<int>(), 0) << width;
  }
}

}  // namespace
}  // namespace tilecompile
