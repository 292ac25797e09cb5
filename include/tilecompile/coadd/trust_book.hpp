#pragma once
#include <map>
#include <string>
#include <vector>

namespace tilecompile {

/// What a master knows of the workers of its run, by worker_id. It decides and does nothing else.
class TrustBook {
 public:
  struct Worker {
    int accepted = 0;  ///< tiles
    int audited = 0;   ///< of them, found right by the master's own computation
    int refused = 0;   ///< objects that were not what was asked for
    double heard_s = 0;
    std::string wrong;  ///< why it is distrusted; empty: it is not
  };
  static constexpr int kMostRefused = 3;              ///< with as many it is distrusted
  static constexpr std::size_t kMostWorkers = 10000;  ///< more are forged names, and distrusted

  void heard(const std::string& id, double now_s);
  /// Returns whether it is the first tile of the worker.
  bool accepted(const std::string& id);
  void audited(const std::string& id);
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

  int audits = 0;          ///< tiles that the master computed to compare
  int odd_tiles = 0;       ///< of them, because they were odd beside the classical stack
  int contradictions = 0;  ///< of them, where the worker was wrong
  int own_tiles = 0;       ///< tiles that are the master's own, because workers gave none that held
  int computed_again = 0;  ///< tiles of distrusted workers

 private:
  std::map<std::string, Worker> workers_;
};

}  // namespace tilecompile
