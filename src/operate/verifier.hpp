#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "probe_run.hpp"
#include "tilecompile/operate/verify.hpp"
#include "tilecompile/tile/result.hpp"

namespace tilecompile {

/// One `verify` on its way through the checks; each leaves what the next ones need.
class Verifier {
 public:
  Verifier(const RunRequest& request, double wait_s, std::function<void(const VerifyCheck&)> note);
  ~Verifier();
  VerifyReport run();

 private:
  /// Notes one check: what `action` returns is what was found, what it throws is why it failed.
  bool check(const std::string& name, const std::string& remedy, const std::function<std::string()>& action);

  void check_frames();
  void check_places();
  void check_broker();
  std::string look_at_ladder();
  void check_hosts();
  void probe_workers();
  void judge_answers();
  std::string judge_facts(const WorkerFacts& facts) const;
  void check_fleet();
  bool one_of_several(const std::string& worker_id) const;
  bool has_answered(const std::string& worker_id) const;
  void check_resting();
  void check_missing();
  void check_tile();
  void clean_up();

  /// Makes the queue for answers and shares the small task; false when a check before failed.
  bool prepare_probes();
  void send_probes(std::uint64_t count);
  void take_answer(const Delivery& delivery);
  std::vector<ResultMessage> results_of_one_task_sent_twice();

  const RunRequest& request_;
  const RunConfig& config_;
  double wait_s_;
  std::function<void(const VerifyCheck&)> note_;
  VerifyReport report_;
  std::shared_ptr<VerifiedFiles> verified_;
  FrameOrigin frames_;
  std::shared_ptr<Manifest> few_;  ///< some frames; null when they cannot be used
  std::unique_ptr<ObjectStore> store_;
  std::unique_ptr<Transport> transport_;
  std::uint64_t consumers_ = 0;
  std::optional<SmallTask> small_;
  std::string answer_queue_;
  struct Answer {
    ProbeAnswer probe;
    std::string user;    ///< of the broker, that it came from
    double ahead_s = 0;  ///< of the worker's clock before ours; 0 when it does not say
  };
  std::map<std::pair<std::string, std::string>, Answer> answers_;  ///< by worker_id and process
  std::set<std::string> written_;                                  ///< storage keys to remove
};

}  // namespace tilecompile
