#pragma once
#include <string>
#include <vector>

#include "tilecompile/base/error.hpp"
#include "tilecompile/broker/transport.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// What travels with a task beside its body, as headers of its message. Missing headers mean these defaults.
struct TaskEnvelope {
  int attempt = 1;  ///< at these tiles, for the answer
  TaskCare care = TaskCare::kNone;
  std::string diagnostics_queue{};        ///< wants diagnostics of the tiles; empty: nobody does
  std::vector<std::string> distrusted{};  ///< workers that are to compute nothing for this master
  std::vector<std::string> not_by{};      ///< workers that are not to compute these tiles
};

/// The message of a task: body, ids, `reply_to` and the envelope's headers.
Message task_message(const TileTask& task, const TaskEnvelope& envelope, const std::string& reply_to);
/// The envelope of a received task. Throws InputError naming a header that cannot be right.
TaskEnvelope read_envelope(const Message& message);

/// Leaves 32 KiB of headers at most, in the order of their names: whatever a sender wrote into them must not
/// keep a letter from a queue.
void drop_headers_beyond_limit(Message& message);

/// Why a message lies on tile.dlq.
struct DeathNote {
  TileFailure failure;
  std::string worker_id;
};
/// Publishes `message` with the note and the time to tile.dlq and waits for the confirm. `exchange`: one that
/// the sender may publish to, as queues are bound to their own and to the default exchange.
void send_to_dead_letters(Transport& transport, const std::string& exchange, Message message,
                          const DeathNote& note);

extern const char* const kAttemptHeader;
extern const char* const kCareHeader;
extern const char* const kDiagnosticsHeader;
extern const char* const kDistrustedHeader;
extern const char* const kNotByHeader;
extern const char* const kReasonHeader;
extern const char* const kKindHeader;
extern const char* const kWorkerHeader;
extern const char* const kTimeHeader;
/// Of a result with data: bytes that the worker's process has read since it began with the run.
extern const char* const kBytesReadHeader;

}  // namespace tilecompile
