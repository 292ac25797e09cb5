#include "onlookers.hpp"

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/launch/modes.hpp"
#include "tilecompile/operate/broker_status.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kTellBrokerEvery = 2s;
constexpr std::size_t kMostNotesUnderWay = 2;

}  // namespace

Onlookers::Onlookers(const RunRequest& request, ObjectStore& store, Transport* transport, LogListener* next)
    : next_(next) {
  const std::string& listen = request.config.observability.listen;
  if (listen.empty() && transport == nullptr) return;
  watch_.emplace(std::filesystem::path(request.config.output.dir) / request.run_id, request.run_id);
  if (!listen.empty()) page_.emplace(parse_listen_place(listen, kPagePort), *watch_, store);
  if (transport != nullptr) notes_ = std::thread([this, transport] { leave_notes(*transport); });
}

Onlookers::~Onlookers() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  if (notes_.joinable()) notes_.join();
}

void Onlookers::tell(const std::string& file, const std::string& line) {
  if (next_ != nullptr) next_->tell(file, line);
  if (watch_) watch_->tell(file, line);
}

void Onlookers::night_analysed(const Image& plain_mean, const Grid& grid) {
  if (watch_) watch_->set_tiles(static_cast<int>(grid.tiles.size()));
  if (page_) page_->begin_picture(plain_mean, grid);
}

// For 'status --broker'. What cannot be told now is told two seconds later, or never: a run needs none of it.
void Onlookers::leave_notes(Transport& transport) {
  try {
    transport.declare(runs_queue_spec());
  } catch (const std::exception& e) {
    return log_debug(std::string("status --broker will not know this run: ") + e.what());
  }
  std::unique_lock<std::mutex> lock(mutex_);
  while (!over_) {
    lock.unlock();
    const bool goes_on = leave_note(transport);
    lock.lock();
    if (!goes_on) return;
    changed_.wait_for(lock, kTellBrokerEvery, [this] { return over_; });
  }
}

// False when it need not be tried again.
bool Onlookers::leave_note(Transport& transport) {
  try {
    while (!under_way_.empty() && under_way_.front().wait_for(0s) == std::future_status::ready) {
      std::future<void> ready = std::move(under_way_.front());
      under_way_.pop_front();
      ready.get();
    }
    if (under_way_.size() >= kMostNotesUnderWay) return true;
    Message note;
    note.body = encode_run_note(status_json(watch_->status()));
    under_way_.push_back(transport.publish("", kRunsQueue, std::move(note)));
  } catch (const AccessRefused&) {
    return false;
  } catch (const std::exception& e) {  // of any kind: nobody would catch it in this thread
    log_debug(std::string("a note on this run is lost: ") + e.what());
  }
  return true;
}

}  // namespace tilecompile
