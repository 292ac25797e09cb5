#pragma once
#include <functional>
#include <string>
#include <vector>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/config/run_config.hpp"

namespace tilecompile {

/// A message on tile.dlq.
struct DeadLetter {
  std::string id;      ///< message_id: <run_id>:<first tile_id>
  std::string run_id;  ///< empty when the body is no task
  std::vector<int> tiles;
  std::string kind, reason, worker_id, time;
  std::string attempt;
  Message message;
};

/// As many letters tile.dlq keeps; then the oldest go.
std::size_t most_dead_letters();

/// Shows every letter on tile.dlq of this broker, the oldest first; they stay there. A few are in memory at a
/// time.
void for_each_dead_letter(const BrokerConfig& broker, const std::function<void(const DeadLetter&)>& show);

/// The id of the one letter on tile.dlq that `given` names: its id, or RUN:TILE_ID with the first characters
/// of the run's id. `given` itself when there is none. Throws UsageError when several begin alike.
std::string whole_letter_id(const BrokerConfig& broker, const std::string& given);

struct EndedLetters {
  int ended = 0;
  std::vector<std::string> refused;  ///< why a letter stays
};
/// Drops the letter `id`, or all with an empty one; with `retry` its task is sent to tile.compute first.
EndedLetters end_dead_letters(const BrokerConfig& broker, const std::string& id, bool retry);

/// Whether `given` is the letter's id, or one whose run id is cut short.
bool names_letter(const std::string& given, const std::string& id);

/// What to do with a letter that was looked at.
enum class LetterFate { kKeep, kDrop };

/// Shows every letter on tile.dlq to `decide`, which may publish; those to keep go back to the queue, in
/// their order, however often they are looked at. Letters that another reader holds are not seen. A queue
/// that does not exist has no letters.
void visit_dead_letters(Transport& transport, const std::function<LetterFate(const DeadLetter&)>& decide);

/// Sends a letter's task to tile.compute again, as a first attempt. Throws UsageError when it is no task, and
/// TransientError when no results queue waits for its answer any more.
void retry_dead_letter(Transport& transport, const DeadLetter& letter);

}  // namespace tilecompile
