#pragma once
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tilecompile {

/// What a master knows of the workers of its run, by worker_id. It decides and does nothing else.
class TrustBook {
 public:
  struct Worker {
    int confirmed = 0;  ///< tiles found right by the master's own computation
    int refused = 0;    ///< objects that were not what was asked for
    double heard_s = 0;
    std::string host;   ///< as it says itself; empty: unknown
    std::string wrong;  ///< why it is distrusted; empty: it is not
  };
  static constexpr int kMostRefused = 3;              ///< with as many it is distrusted
  static constexpr std::size_t kMostWorkers = 10000;  ///< more are forged names, and distrusted

  void heard(const std::string& id, double now_s, const std::string& host = "");
  /// A tile of worker `id` was found right by `by`, a worker or the master itself.
  void audited(const std::string& id, const std::string& by, bool by_master);
  /// The master itself has found a tile of the worker right, and it is not distrusted.
  bool is_confirmed(const std::string& id) const;
  /// Which workers are not to audit a tile of worker `id`, itself among them, so that another one does: a
  /// confirmed one of another host that was heard of in the last `within_s`; where hosts are not known, or
  /// there is none elsewhere, any other confirmed one. Nothing when there is nobody.
  std::optional<std::vector<std::string>> not_auditors_of(const std::string& id, double now_s,
                                                          double within_s) const;
  /// An object of it was refused. Returns whether that makes the worker distrusted.
  bool refused(const std::string& id, const std::string& why);
  /// Returns false when it was distrusted before.
  bool distrust(const std::string& id, const std::string& why);
  bool is_distrusted(const std::string& id) const;
  /// In the order of their names.
  std::vector<std::string> distrusted() const;
  /// Workers that were heard of, but not for `limit_s`, and are not distrusted.
  std::vector<std::string> silent(double now_s, double limit_s) const;
  const std::map<std::string, Worker>& workers() const { return workers_; }

  int audits = 0;     ///< tiles that were computed once more to compare
  int odd_tiles = 0;  ///< of them, because they were odd beside the classical stack
  std::map<std::pair<std::string, std::string>, int> audits_by;  ///< tiles found right, by worker and who did
  int contradictions = 0;                                        ///< of them, where the worker was wrong
  int own_tiles = 0;       ///< tiles that are the master's own, because workers gave none that held
  int computed_again = 0;  ///< tiles of distrusted workers

 private:
  std::map<std::string, Worker> workers_;
};

}  // namespace tilecompile
