#include "note_reader.hpp"

#include "tilecompile/base/log.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

constexpr int kMostHeld = 256;
constexpr std::chrono::milliseconds kOpenFor{500};

}  // namespace

NoteReader::~NoteReader() {
  try {
    put_back();
  } catch (const Error& e) {
    log_debug(std::string("notes of workers are left to the broker: ") + e.what());
  }
}

void NoteReader::look(std::chrono::milliseconds every) {
  const auto now = std::chrono::steady_clock::now();
  if (barred_ || now - last_ < (open_ ? kOpenFor : every)) return;
  last_ = now;
  try {
    open_ ? put_back() : open();
  } catch (const UsageError& e) {
    barred_ = true;
    log_debug(std::string("notes of workers are not read: ") + e.what());
  }
}

void NoteReader::open() {
  const auto state = transport_.inspect(kWorkersQueue);
  if (!state || state->messages == 0) return;
  transport_.consume(kWorkersQueue, kMostHeld);
  open_ = true;
}

void NoteReader::put_back() {
  if (!open_) return;
  open_ = false;
  transport_.cancel(kWorkersQueue);
  for (const DeliveryTag& tag : held_) transport_.reject(tag, true);
  held_.clear();
}

bool NoteReader::take(const Delivery& delivery) {
  if (delivery.queue != kWorkersQueue) return false;
  held_.push_back(delivery.tag);
  try {
    const WorkerNote note = decode_worker_note(delivery.message.body);
    if (!book_.note(note)) return true;
    directory_.append_event(note.fit ? "worker_takes_tasks" : "worker_rests",
                            {{"worker_id", note.worker_id}, {"host", note.host}, {"text", note.text}});
  } catch (const InputError& e) {
    log_debug(std::string("a note that cannot be read is left alone: ") + e.what());
  }
  return true;
}

}  // namespace tilecompile
