#include "tilecompile/base/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace tilecompile {

int thread_count(int requested) {
  return requested > 0 ? requested : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void parallel_for(int count, int threads, const std::function<void(int)>& body) {
  std::atomic<int> next{0};
  std::exception_ptr first;
  std::mutex first_mutex;
  const auto loop = [&] {
    for (int i = next++; i < count; i = next++) {
      try {
        body(i);
      } catch (...) {
        const std::lock_guard<std::mutex> lock(first_mutex);
        if (!first) first = std::current_exception();
        next = count;
      }
    }
  };
  std::vector<std::thread> others;
  try {
    for (int t = 1; t < std::min(threads, count); ++t) others.emplace_back(loop);
  } catch (const std::system_error&) {
    // The system gives no more threads: the ones there are do the work.
  }
  loop();
  for (std::thread& t : others) t.join();
  if (first) std::rethrow_exception(first);
}

void two_at_once(int threads, const std::function<void()>& here, const std::function<void()>& beside) {
  std::future<void> other;
  try {
    if (threads > 1) other = std::async(std::launch::async, beside);
  } catch (const std::system_error&) {
    // The system gives no more threads: one after the other.
  }
  here();
  other.valid() ? other.get() : beside();
}

}  // namespace tilecompile
