#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tilecompile/operate/run_story.hpp"

namespace tilecompile {

/// Something new about a run, for those who look at it.
struct RunNews {
  std::uint64_t number = 0;  ///< counts from 1
  std::string kind;          ///< event | tile | end
  std::string data;          ///< JSON
};

/// What those who look at a run see of it. The run tells it the lines of its logs and never waits for it:
/// news beyond the latest few hundred are forgotten, and who reads them too slowly is told so. Safe from
/// several threads.
class RunWatch {
 public:
  static constexpr std::size_t kMostNews = 512;
  /// Reads what an earlier start of the run left in `directory`, if there is one.
  RunWatch(std::filesystem::path directory, const std::string& run_id);

  /// A line (without its end) of events.jsonl or journal.jsonl.
  void tell(const std::string& file, const std::string& line);
  /// The grid of the run is known.
  void set_tiles(int tiles);
  /// Something that no log says.
  void add(const std::string& kind, const std::string& data);

  RunStatus status() const;
  /// The number of the latest news.
  std::uint64_t latest() const;
  /// The first news after `number`, waiting for it at most that long. Sets `missed` when some between were
  /// forgotten.
  std::optional<RunNews> after(std::uint64_t number, std::chrono::milliseconds patience, bool& missed);
  /// The events among the news that are kept.
  std::vector<std::string> latest_events() const;
  /// At most `most` lines of the journal for tiles of the first round, in order of arrival, from number
  /// `from` on.
  std::vector<std::string> results(std::size_t from, std::size_t most) const;
  const std::filesystem::path& directory() const { return directory_; }

 private:
  void take(const std::string& file, const std::string& line, double now_s);

  const std::filesystem::path directory_;
  mutable std::mutex mutex_;  // of all that follows
  std::condition_variable changed_;
  RunStory story_;
  RunStatus base_;
  std::vector<std::string> results_;
  std::deque<RunNews> news_;
  std::uint64_t latest_ = 0;
};

}  // namespace tilecompile
