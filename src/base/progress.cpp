#include "tilecompile/base/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tilecompile/base/log.hpp"

namespace tilecompile {
namespace {

constexpr std::chrono::milliseconds kBarEvery{100};
constexpr std::chrono::seconds kLineEvery{10};
constexpr int kBarCells = 30;

std::string duration_text(double seconds) {
  char text[32];
  const long s = static_cast<long>(seconds + 0.5);
  if (s >= 3600)
    std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  else
    std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  return text;
}

}  // namespace

Progress::Progress(std::string phase, std::string unit, int total, bool quiet)
    : phase_(std::move(phase)),
      unit_(std::move(unit)),
      total_(total),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      began_(Clock::now()),
      shown_(began_) {}

Progress::~Progress() {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!quiet_) show(true);
}

void Progress::progress(int done) {
  const std::lock_guard<std::mutex> lock(mutex_);
  done_ = std::max(done_, done);
  const auto now = Clock::now();
  if (quiet_ || now - shown_ < (terminal_ ? Clock::duration(kBarEvery) : Clock::duration(kLineEvery))) return;
  shown_ = now;
  show(false);
}

void Progress::show(bool last) {
  const double seconds = std::chrono::duration<double>(Clock::now() - began_).count();
  const double rate = seconds > 0 ? done_ / seconds : 0;
  char text[160];
  if (last)
    std::snprintf(text, sizeof text, "%d %s in %s", done_, unit_.c_str(), duration_text(seconds).c_str());
  else
    std::snprintf(text, sizeof text, "%d/%d %s  %.1f/s  ETA %s", done_, total_, unit_.c_str(), rate,
                  rate > 0 ? duration_text((total_ - done_) / rate).c_str() : "?");
  if (!terminal_) return log_info(phase_ + ": " + text);
  const int cells = total_ > 0 ? static_cast<int>(static_cast<long>(kBarCells) * done_ / total_) : kBarCells;
  const std::string bar = std::string(static_cast<std::size_t>(cells), '#') +
                          std::string(static_cast<std::size_t>(kBarCells - cells), '.');
  const bool color = std::getenv("NO_COLOR") == nullptr;
  std::fprintf(stderr, "\r%-22s %s[%s]%s %s\033[K%s", phase_.c_str(), color ? "\033[36m" : "", bar.c_str(),
               color ? "\033[0m" : "", text, last ? "\n" : "");
  std::fflush(stderr);
}

}  // namespace tilecompile
