// Part of every test program: a case that does not end is ended by its own deadline, whatever it waits for,
// so that a lost message or a lock that is never given back fails one case by name instead of holding up the
// machine.
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <thread>

namespace tilecompile {
namespace {

constexpr std::chrono::seconds kDeadline{TILECOMPILE_CASE_DEADLINE_S};
constexpr int kExitCode = 124;  // as of timeout(1)

class Deadline : public testing::EmptyTestEventListener {
 public:
  void OnTestStart(const testing::TestInfo& test) override {
    ended_ = false;
    watch_ = std::thread([this, name = std::string(test.test_suite_name()) + "." + test.name()] {
      std::unique_lock<std::mutex> lock(mutex_);
      if (changed_.wait_for(lock, kDeadline, [this] { return ended_; })) return;
      std::fprintf(stderr, "%s has not ended after %lld s: given up\n", name.c_str(),
                   static_cast<long long>(kDeadline.count()));
      std::fflush(nullptr);
      _exit(kExitCode);
    });
  }
  void OnTestEnd(const testing::TestInfo&) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    changed_.notify_one();
    watch_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
  std::thread watch_;
};

[[maybe_unused]] const bool kWatched = [] {
  // GoogleTest owns and deletes its listeners.
  testing::UnitTest::GetInstance()->listeners().Append(
      new Deadline);  // NOLINT(cppcoreguidelines-owning-memory)
  return true;
}();

}  // namespace
}  // namespace tilecompile
