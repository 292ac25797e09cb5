#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/broker/transport.hpp"

namespace tilecompile {

/// What a worker that takes no tasks for now says of itself on tile.workers, again with every look it takes;
/// and once more when it is fit again (docs/protocol.md).
struct WorkerNote {
  std::string worker_id, host;
  std::string time;     ///< UTC, of the worker's clock
  bool fit = false;     ///< it takes tasks again
  std::string text;     ///< why it takes none; empty when fit
  int again_in_s = 0;   ///< seconds until it looks again
  bool frames = false;  ///< it knows tasks of frames (frame_batch)
};

/// UTF-8 JSON; the strict inverse throws InputError.
std::string encode_worker_note(const WorkerNote& note);
WorkerNote decode_worker_note(std::string_view bytes);

/// Publishes a note of this host, this version and this time without waiting for the broker. A note that is
/// lost is told at level debug: it never holds a worker up.
void leave_note(Transport& transport, WorkerNote note);

/// What lies on a queue of notes, which is put back in its order; waits a moment for another reader.
std::vector<std::string> notes_on(Transport& transport, const std::string& queue);
/// The newest note of every worker, by its name; none for a user who may not read them.
std::map<std::string, WorkerNote> latest_worker_notes(Transport& transport);

}  // namespace tilecompile
