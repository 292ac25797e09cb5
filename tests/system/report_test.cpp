#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "paths.hpp"
#include "program.hpp"
#include "started_program.hpp"
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

  // What a probe left in a page.
  static json left_behind(const std::string& dom) {
    const std::string mark = "<pre id=\"seen\">";
    const std::size_t from = dom.find(mark);
    if (from == std::string::npos) return {{"errors", {"the probe did not run: " + dom.substr(0, 500)}}};
    std::string text = dom.substr(from + mark.size(), dom.find("</pre>", from) - from - mark.size());
    for (const auto& [name, sign] : {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&amp;", "&"}})
      for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; ++at)
        text.replace(at, std::string(name).size(), sign);
    return json::parse(text);
  }
  // What the probe saw of the page in a browser window; a screenshot is left where TILECOMPILE_SCREENSHOTS
  // says.
  static json look(const std::string& html, int width, const std::string& flags,
                   const std::string& ask_for = "[3, 5]") {
    const std::string probe = file_text(fs::path(source_dir()) / "tests/system/report_probe.js");
    std::string probed = html;
    const std::string before = "<script type=\"application/json\"";
    probed.insert(
        probed.find(before),
        "<script>window.askFor = " + ask_for +
            "; window.errors = []; console.error = (...a) => errors.push(a.join(' '));"
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
    return left_behind(out.text);
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

TEST_F(Report, ARunThatIsDoneIsInNoPhase) {
  const std::string output = " --output '" + path("out") + "'";
  const ProgramOutput status = run_program("status latest" + output);
  EXPECT_THAT(status.text, HasSubstr("0 open"));
  EXPECT_THAT(status.text, testing::Not(HasSubstr("phase")));
  EXPECT_THAT(run_program("runs" + output).text, testing::EndsWith("\n1 run\n"));
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
  EXPECT_EQ(seen.at("axisWords").at("FWHM"), "number of the frame");
  EXPECT_EQ(seen.at("axisWords").at("SNR against resolution"), "FWHM, px");
  for (const char* plot : {"FWHM before and after", "FWHM of the stars", "Transparency", "Clusters",
                           "Weights of frames in tiles, over the mean of their tile",
                           "Rejected pixels of a frame", "Differences to the plain mean"})
    EXPECT_NE(seen.at("axisWords").value(plot, ""), "") << plot;
  EXPECT_THAT(seen.at("sameRegions"), IsEmpty());
  EXPECT_EQ(seen.at("headless"), 0);
  EXPECT_EQ(seen.at("tilesOverOthers"), 0);
  EXPECT_EQ(seen.at("tilesBesideTheirCell"), 0);
  EXPECT_THAT(seen.at("name").get<std::string>(), testing::StartsWith("picture_2025-01-10 done"));
  int with_uncertainty = 0;
  for (const json& check : seen.at("uncertainties"))
    if (check.at(0).get<std::string>().find(" +- ") != std::string::npos) {
      ++with_uncertainty;
      EXPECT_NE(check.at(1), "") << check.at(0);
    }
  EXPECT_GE(with_uncertainty, 3);
  ASSERT_EQ(seen.at("story").size(), 12u);  // all of them
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

// A star takes all of its pixels by sharpness, so what the file knows of its tiles is what the frames say.
TEST_F(Report, AClickOnAStarTellsTheSharesThatExplainComputes) {
  if (!has_browser()) GTEST_SKIP() << "no chromium";
  const json stars = json::parse(file_text(run_dir() / "frame_metrics.json")).at("stars");
  const auto explained = [&](int x, int y) {
    const ProgramOutput out = run_program("explain --json --channel 1 '" + run_dir().string() + "' " +
                                          std::to_string(x) + " " + std::to_string(y));
    EXPECT_EQ(out.exit_code, 0) << out.text;
    return json::parse(out.text).at("channels").at(0);
  };
  json story;
  std::string place;
  for (std::size_t i = 0; i < stars.size() && place.empty(); ++i) {
    const int x = static_cast<int>(std::lround(stars.at(i).at(0).get<double>()));
    const int y = static_cast<int>(std::lround(stars.at(i).at(1).get<double>()));
    story = explained(x, y);
    bool as_a_star = story.at("tiles").size() > 1;
    for (const json& tile : story.at("tiles")) as_a_star = as_a_star && tile.at("sharp_share") > 0.999;
    for (const json& frame : story.at("frames"))
      for (const json& part : frame.at("in_tiles"))
        as_a_star = as_a_star && !part.at("rejected") && part.at("covered") && part.at("border_ramp") == 1.0;
    if (as_a_star) place = "[" + std::to_string(x) + ", " + std::to_string(y) + "]";
  }
  ASSERT_NE(place, "") << "no star of the night lies in several tiles and wholly in all frames";
  const json seen = look(page(), 1200, "", place);
  ASSERT_EQ(seen.at("parts").size(), 12u) << seen.dump(1);
  for (const json& frame : story.at("frames")) {
    const double part =
        std::stod(seen.at("parts").at(frame.at("path").get<std::string>()).get<std::string>());
    const double share = 100 * frame.at("share").get<double>();
    EXPECT_NEAR(part, share, 0.03 * share + 0.01) << frame.at("path");  // codes have steps of 3 %
  }
  for (const json& tile : story.at("tiles")) {
    if (tile.at("window_share") < 0.005) continue;
    EXPECT_THAT(seen.at("tilesOfPixel").get<std::string>(),
                HasSubstr("tile " + std::to_string(tile.at("tile_id").get<int>()) + ","));
  }
}

TEST_F(Report, AServerTellsAllOfAPixelAtAClick) {
  StartedProgram server({"report", run_dir().string(), "--page", "127.0.0.1:0"}, *folder_ / "served.log");
  ASSERT_TRUE(server.wait_for("page=http://127.0.0.1:")) << server.text();
  const std::string text = server.text();
  const std::size_t from = text.find("page=") + 5;
  const std::string url = text.substr(from, text.find_first_of(" \n", from) - from);
  const auto fetch = [&](const std::string& what) {
    return run_shell("curl -s -m 60 '" + url + what + "'").text;
  };
  const ProgramOutput command = run_program("explain --json --channel 1 '" + run_dir().string() + "' 90 60");
  EXPECT_EQ(json::parse(fetch("pixel.json?x=90&y=60&channel=1")), json::parse(command.text));
  EXPECT_THAT(fetch("pixel.json?x=190&y=60&channel=1"), HasSubstr("columns 0 to 189"));
  for (const char* wrong : {"?x=90&y=60", "?x=9e1&y=60&channel=1", "?x=90&y=&channel=1", ""})
    EXPECT_THAT(fetch(std::string("pixel.json") + wrong), HasSubstr("whole numbers")) << wrong;
  EXPECT_THAT(fetch(""), HasSubstr("connect-src 'self'"));
  EXPECT_THAT(page(), testing::Not(HasSubstr("connect-src")));
  if (has_browser()) {
    const std::string here = std::string(source_dir()) + "/tests/system/",
                      port = (*folder_ / "port").string(), profile = (*folder_ / "profile").string();
    run_shell("timeout 100 /usr/bin/python3 '" + here + "live_proxy.py' '" + url + "' '" + here +
              "served_probe.js' 1 > '" + port + "' 2>/dev/null &");
    ASSERT_TRUE(server.run_until([&] { return !file_text(port).empty(); }));
    const std::string dom =
        run_shell(
            "timeout -k 5 90 chromium --headless=new --no-sandbox --disable-gpu --no-first-run "
            "--disable-background-networking --virtual-time-budget=8000 --user-data-dir='" +
            profile + "' --dump-dom http://127.0.0.1:" + std::to_string(std::stoi(file_text(port))) +
            "/ 2>/dev/null")
            .text;
    const json seen = left_behind(dom);
    ASSERT_THAT(seen.at("errors"), IsEmpty()) << seen.dump(1);
    const json told = json::parse(command.text).at("channels").at(0);
    EXPECT_EQ(seen.at("frames").size(), told.at("frames").size());
    for (const json& frame : told.at("frames"))
      EXPECT_NEAR(std::stod(seen.at("frames").at(frame.at("path").get<std::string>()).get<std::string>()),
                  100 * frame.at("share").get<double>(), 6e-4 + 1e-3 * frame.at("share").get<double>());
    EXPECT_THAT(seen.at("said").get<std::string>(), HasSubstr("Pixel 90, 60, channel G: "));
  }
  server.send(SIGTERM);
  EXPECT_EQ(server.wait(), 143);
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
