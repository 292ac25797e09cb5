#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tilecompile {

/// Task type `probe` on tile.compute: asks the worker that gets it who it is, and whether it can read the
/// frames and the storage as the asking side sees them, and write to the storage (docs/protocol.md).
struct ProbeTask {
  std::string correlation_id, run_id, numerics_version;
  std::string frame_path, frame_sha256;  ///< a frame of the run; empty: none to look at
  std::string object_ref, object_checksum;
};

/// One thing a worker tried.
struct ProbeCheck {
  std::string name;  ///< frames | storage | numerics
  bool ok = false;
  std::string text;
};

/// Who a worker is.
struct WorkerFacts {
  std::string worker_id, host, program_version, numerics_version;
  std::vector<std::string> cpu_features;
  int slots = 0;
  std::string instance;          ///< another one for every process; empty: an older version that has none
  std::string cpu_text() const;  ///< the features, separated by blanks
};

/// A worker's answer, on the queue that the probe names in reply_to.
struct ProbeAnswer {
  std::string correlation_id, run_id;
  WorkerFacts worker;
  double unix_s = 0;  ///< seconds since 1970 on the worker's clock, as it answered; 0: an older version
  std::vector<ProbeCheck> checks;
  std::string written_ref, written_checksum;  ///< what it wrote to the storage; empty when it could not
};

/// UTF-8 JSON; the strict inverses throw InputError.
std::string encode_probe(const ProbeTask& probe);
ProbeTask decode_probe(std::string_view bytes);
std::string encode_probe_answer(const ProbeAnswer& answer);
ProbeAnswer decode_probe_answer(std::string_view bytes);
/// Whether a message's body looks like a probe, right or not.
bool is_probe(std::string_view bytes);

}  // namespace tilecompile
