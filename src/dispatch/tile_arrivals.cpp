// How answers come in: decoded and checked side by side, taken one after the other, and journalled together.
#include <algorithm>
#include <thread>
#include <utility>

#include "tile_check.hpp"
#include "tile_owner.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/protocol/task_message.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
constexpr auto kJournalAgainAfter = 500ms;
constexpr std::size_t kMostTogether = 256, kMostBytesTogether = 64 << 20;
constexpr std::size_t kSampleBytes = 64;  // of all maps at a pixel, as bytes of the object and as planes

}  // namespace

std::size_t TileOwner::most_together() const {
  const std::size_t tile =
      kSampleBytes * round_.grid->tiles.front().area() * static_cast<std::size_t>(round_.planes);
  const std::size_t bytes = std::max<std::size_t>(1, of_frames() ? round_.piece_bytes : tile);
  return std::clamp<std::size_t>(kMostBytesTogether / bytes, 1, kMostTogether);
}

void TileOwner::take(std::vector<Delivery> answers) {
  std::vector<Arrival> arrivals(answers.size());
  for (std::size_t i = 0; i < answers.size(); ++i) arrivals[i].answer = std::move(answers[i]);
  // Nobody changes the ledger meanwhile.
  parallel_for(static_cast<int>(arrivals.size()), round_.threads,
               [&](int i) { look_at(arrivals[static_cast<std::size_t>(i)]); });
  for (Arrival& arrival : arrivals) take(arrival);
  flush();
}

void TileOwner::look_at(Arrival& arrival) const {
  ResultMessage& result = arrival.result;
  try {
    result = decode_result(arrival.answer.message.body);
  } catch (const InputError& e) {
    arrival.no_result = e.what();
    return;
  }
  const bool has_data = !result.failure && !result.begun;
  if (has_data && result.run_id == round_.task_template.run_id && result.tile_id < ledger_.tile_count() &&
      ledger_.asked(result) && !ledger_.is_done(result.tile_id))
    load(arrival);
}

void TileOwner::load(Arrival& arrival) const {
  // Of a single process: it is read, and its sum checked, when the synthetic frames are joined.
  if (round_.first_round != nullptr && !judge_.present()) {
    arrival.file.emplace();
    return;
  }
  try {
    LoadedResult loaded = load_result(round_, place_.store, arrival.result);
    arrival.file = std::move(loaded.file);
    arrival.keep = std::move(loaded.keep);
    if (judge_.present()) arrival.odd = oddness_of_tile(round_, *arrival.file);
  } catch (...) {
    arrival.failure = std::current_exception();
  }
}

// What the journal says of a tile that is computed again.
const ResultMessage* TileOwner::journalled_before(int tile_id) const {
  if (round_.journalled == nullptr) return nullptr;
  const ResultMessage& before = (*round_.journalled)[static_cast<std::size_t>(tile_id)];
  return before.data_checksum.empty() || trust_.is_distrusted(before.worker_id) ? nullptr : &before;
}

void TileOwner::take_tile(Arrival& arrival) {
  const ResultMessage& result = arrival.result;
  if (!arrival.file && !arrival.failure) load(arrival);  // wanted only since then
  try {
    if (arrival.failure) std::rethrow_exception(arrival.failure);
  } catch (const Error& e) {
    // Damaged after it was written, or not visible yet: computed again, nothing of it is taken.
    if (e.kind() != ErrorKind::kInput && e.kind() != ErrorKind::kTransient) throw;
    flush();
    const bool last = ledger_.tile(result.tile_id).attempt >= round_.retry.max_attempts;
    if (judge_.present() && (last || e.kind() == ErrorKind::kInput)) return refuse(result, e.what());
    ResultMessage failed = result;
    failed.failure = TileFailure{last ? e.kind() : ErrorKind::kTransient, e.what()};
    return take_failure(failed);
  }
  const ResultMessage* before = journalled_before(result.tile_id);
  if (before != nullptr && !judge_.present()) check_conflict(*before, result);
  ledger_.offer(result);
  group_.push_back(std::move(arrival));
}

// Journals the tiles that were taken, and accepts them.
void TileOwner::flush() {
  std::vector<Arrival> group = std::exchange(group_, {});
  std::string lines;
  for (const Arrival& arrival : group) {
    if (arrival.result.part && !of_frames()) continue;  // pieces of tiles are no results yet
    lines += (lines.empty() ? "" : "\n") + arrival.answer.message.body;
  }
  if (!lines.empty()) journal(lines);
  for (Arrival& arrival : group) accept(arrival);
}

void TileOwner::accept(Arrival& arrival) {
  const ResultMessage& result = arrival.result;
  if (book_.done(result))
    place_.directory.append_event("worker_takes_tasks", {{"worker_id", result.worker_id}});
  const auto& headers = arrival.answer.message.headers;
  if (const auto read = headers.find(kBytesReadHeader); read != headers.end())
    book_.read(result.worker_id, read->second);
  if (arrival.keep) arrival.keep();
  observer_.accept(result, std::move(*arrival.file));
  observer_.progress(ledger_.done());
  if (result.part && !of_frames()) return;
  judge_.accepted(result, met_.insert(result.worker_id).second, arrival.odd, seconds_now());
  const ResultMessage* before = journalled_before(result.tile_id);
  if (before != nullptr && !same_data(*before, result)) judge_.contradicted(*before);
}

// A result that is not on disk is none. Waits for a folder that takes nothing for now, as long as tiles are
// tried again.
void TileOwner::journal(const std::string& lines) {
  const auto until = std::chrono::steady_clock::now() +
                     std::chrono::milliseconds(static_cast<std::int64_t>(1000 * standstill_.patience_s()));
  for (;;) {
    try {
      return of_frames() ? place_.directory.append_frames(lines) : place_.directory.append_journal(lines);
    } catch (const TransientError& e) {
      if (std::chrono::steady_clock::now() > until) throw;
      standstill_.output_fails(e.what());
    }
    observer_.check_stop();
    std::this_thread::sleep_for(kJournalAgainAfter);
  }
}

}  // namespace tilecompile
