#pragma once
#include <functional>

namespace tilecompile {

/// Number of threads that `requested` means: itself, or one a core for 0.
int thread_count(int requested);

/// Calls body(i) for i = 0 .. count-1 on up to `threads` threads; which thread runs which i is not defined.
/// Returns when all are done; the first exception is thrown again after the others have finished.
void parallel_for(int count, int threads, const std::function<void(int)>& body);

/// Calls `here`, and `beside` on another thread where there are two. Returns when both are done; an exception
/// of `here`, else that of `beside`, is thrown again.
void two_at_once(int threads, const std::function<void()>& here, const std::function<void()>& beside);

}  // namespace tilecompile
