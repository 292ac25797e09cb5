#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tilecompile/master/master.hpp"
#include "tilecompile/protocol/probe_messages.hpp"

namespace tilecompile {

/// One line of `tilecompile verify`.
struct VerifyCheck {
  std::string name;  ///< "broker", "queue tile.compute", "worker barn-1: storage"
  bool ok = false;
  std::string text;    ///< what was found
  std::string remedy;  ///< what to do; empty when ok
};

struct VerifyReport {
  std::vector<VerifyCheck> checks;
  std::vector<WorkerFacts> workers;  ///< that answered
  bool ok() const;
};

/// Tries everything that `run` and `master` with this configuration depend on: frames, output, storage; then
/// broker, queues, consumers, a probe answered by each worker, expected workers, and a real tile sent twice:
/// its results must be equal, one of them a duplicate, and equal to the bit to the tile computed here.
/// Workers that are busy answer late: `wait_s` is the longest time for all answers. `note` gets every check
/// as it is made. What fails is a check, never an exception. Nothing is left behind on broker and storage.
VerifyReport verify_run(const RunRequest& request, double wait_s,
                        const std::function<void(const VerifyCheck&)>& note);

nlohmann::json verify_json(const VerifyReport& report);

}  // namespace tilecompile
