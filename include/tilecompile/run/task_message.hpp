#pragma once
#include <string>
#include <vector>

#include "tilecompile/base/error.hpp"
#include "tilecompile/base/retry_schedule.hpp"
#include "tilecompile/broker/transport.hpp"
#include "tilecompile/tile/result.hpp"
#include "tilecompile/tile/task.hpp"

namespace tilecompile {

/// What travels with a task beside its body, as headers of its message: every version of the broker then
/// counts alike. Missing headers mean these defaults.
struct TaskEnvelope {
  int attempt = 1;
  RetryPolicy retry;
  std::vector<std::string> died;    ///< "<worker_id> at <time>" for each worker that died over the task
  std::string diagnostics_queue{};  ///< wants diagnostics of the tiles; empty: nobody does
};

/// The message of a task: body, ids, `reply_to` and the envelope's headers.
Message task_message(const TileTask& task, const TaskEnvelope& envelope, const std::string& reply_to);
/// The envelope of a received task. Throws InputError naming a header that cannot be right.
TaskEnvelope read_envelope(const Message& message);

/// Publishes `message` to the rung of the back-off ladder for `delay_s` and waits for the confirm; a rung
/// that is not there is declared. Throws AccessRefused when the user may not publish tasks.
void send_later(Transport& transport, const Message& message, int delay_s, bool quorum);

/// Leaves 32 KiB of headers at most, in the order of their names: whatever a sender wrote into them must not
/// keep a letter from a queue.
void drop_headers_beyond_limit(Message& message);

/// Why a message lies on tile.dlq.
struct DeathNote {
  TileFailure failure;
  std::string worker_id;
};
/// Publishes `message` with the note and the time to tile.dlq and waits for the confirm.
void send_to_dead_letters(Transport& transport, Message message, const DeathNote& note);

extern const char* const kAttemptHeader;
extern const char* const kRetryHeader;
extern const char* const kDiedHeader;
extern const char* const kReasonHeader;
extern const char* const kKindHeader;
extern const char* const kWorkerHeader;
extern const char* const kTimeHeader;

}  // namespace tilecompile
