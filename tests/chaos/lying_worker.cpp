// A worker whose every tile is wrong, with object and message that agree, for the schedules of faults.
// Usage: lying_worker PORT QUEUE_TYPE FRAMES STORAGE WORKER_ID scale|block
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <thread>
#include <vector>

#include "launch/liar.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/worker/worker.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
volatile std::sig_atomic_t stop_signal = 0;

void scale(TileFile& file) {
  for (auto& plane : file.pixels)
    for (float& v : plane.samples()) v *= 1.05F;
}

// As large as the brightest pixel that a star in the tile has, so that the numbers stay within the frames'.
void plant_block(TileFile& file) {
  constexpr int kSide = 4;
  for (auto& plane : file.pixels) {
    const float brightest = *std::max_element(plane.samples().begin(), plane.samples().end());
    for (int y = 0; y < std::min(kSide, plane.height()); ++y)
      std::fill_n(plane.row(y), std::min(kSide, plane.width()), brightest);
  }
}

int serve(const std::vector<std::string>& words) {
  AmqpOptions options;
  options.port = std::stoi(words[0]);
  options.password = "guest";
  options.heartbeat_s = 2;
  options.connect_timeout_s = 60;
  const auto store = open_file_store(words[3]);
  Liar transport(connect_amqp(options), *store, words[5] == "scale" ? scale : plant_block);
  transport.declare(compute_queue_spec(words[1] == "quorum"));
  RunContexts runs(*store, std::filesystem::path(words[2]), std::size_t{1} << 28, 1,
                   std::make_shared<VerifiedFiles>());
  std::atomic<bool> stop{false}, ended{false};
  std::thread watcher([&] {
    while (stop_signal == 0 && !ended) std::this_thread::sleep_for(50ms);
    stop = true;
  });
  std::exception_ptr failure;
  try {
    run_worker(transport, *store, runs, {words[4], 1, 2}, stop);
  } catch (...) {
    failure = std::current_exception();
  }
  ended = true;
  watcher.join();
  if (failure) std::rethrow_exception(failure);
  return 128 + stop_signal;
}

}  // namespace
}  // namespace tilecompile

int main(int count, char** words) {
  if (count != 7) return 2;
  for (const int number : {SIGTERM, SIGINT})
    std::signal(number, [](int got) { tilecompile::stop_signal = got; });
  try {
    return tilecompile::serve({words + 1, words + count});
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return EXIT_FAILURE;
  }
}
