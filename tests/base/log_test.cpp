#include "tilecompile/base/log.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

template <class Act>
std::vector<std::string> logged(LogLevel level, bool json, Act act) {
  configure_log(level, json);
  testing::internal::CaptureStderr();
  act();
  std::istringstream text(testing::internal::GetCapturedStderr());
  configure_log(LogLevel::kInfo, false);
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

TEST(Log, JsonLinesAreObjectsWhateverTheTextHolds) {
  const std::string nasty = "a \"quoted\" %v {} \\ line\nbreak \xff tab\t";
  const auto lines = logged(LogLevel::kInfo, true, [&] {
    log_warning(nasty, {{"run_id", "r"}, {"tile_id", "7"}, {"path", "x\"y"}});
    log_info("%Y {}");
  });
  ASSERT_EQ(lines.size(), 2u);
  const auto j = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(j.at("level"), "warning");
  EXPECT_EQ(j.at("tile_id"), "7");
  EXPECT_EQ(j.at("path"), "x\"y");
  EXPECT_EQ(j.at("time").get<std::string>().size(), 23u);
  EXPECT_NE(j.at("message").get<std::string>().find("a \"quoted\" %v {} \\ line\nbreak"), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(lines[1]).at("message"), "%Y {}");
}

TEST(Log, NoTerminalObeysWhatItSays) {
  const std::string title =
      "a\x1b]0;title\x07 \xc2\x9b"
      "31m\x7f";
  for (const bool json : {false, true}) {
    const auto lines = logged(LogLevel::kInfo, json, [&] {
      log_warning(title, {{"frame", "l\n1\x1b[2J.fit"}});
    });
    ASSERT_EQ(lines.size(), 1u);
    for (const char c : lines[0]) EXPECT_TRUE(c >= 0x20 && c < 0x7f) << lines[0];
    if (!json) continue;
    EXPECT_EQ(nlohmann::json::parse(lines[0]).at("message"), title);
    EXPECT_EQ(nlohmann::json::parse(lines[0]).at("frame"), "l\n1\x1b[2J.fit");
  }
}

TEST(Log, TextNamesLevelMessageAndFields) {
  const auto lines = logged(LogLevel::kInfo, false, [] {
    log_error("it broke %v {}", {{"frame", "f1.fits"}});
  });
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find(" error it broke %v {}  frame=f1.fits"), std::string::npos) << lines[0];
}

TEST(Log, LevelsBelowTheChosenAreSilent) {
  const auto speak = [] {
    log_debug("d");
    log_info("i");
    log_warning("w");
    log_error("e");
  };
  EXPECT_EQ(logged(LogLevel::kDebug, false, speak).size(), 4u);
  EXPECT_EQ(logged(LogLevel::kInfo, false, speak).size(), 3u);
  EXPECT_EQ(logged(LogLevel::kWarning, false, speak).size(), 2u);
  EXPECT_EQ(logged(LogLevel::kError, false, speak).size(), 1u);
}

TEST(Log, LinesOfManyThreadsStayWhole) {
  const auto lines = logged(LogLevel::kInfo, true, [] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([t] {
        for (int i = 0; i < 50; ++i) log_info(std::string(200, static_cast<char>('a' + t)));
      });
    for (auto& t : threads) t.join();
  });
  ASSERT_EQ(lines.size(), 200u);
  for (const auto& line : lines) {
    const auto message = nlohmann::json::parse(line).at("message").get<std::string>();
    EXPECT_EQ(message, std::string(200, message.front()));
  }
}

}  // namespace
}  // namespace tilecompile
