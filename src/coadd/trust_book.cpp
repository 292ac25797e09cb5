#include "tilecompile/coadd/trust_book.hpp"

namespace tilecompile {

void TrustBook::heard(const std::string& id, double now_s) {
  if (workers_.size() >= kMostWorkers && workers_.count(id) == 0) return;
  workers_[id].heard_s = now_s;
}

bool TrustBook::accepted(const std::string& id) { return ++workers_[id].accepted == 1; }

void TrustBook::audited(const std::string& id) { ++workers_[id].audited; }

bool TrustBook::refused(const std::string& id, const std::string& why) {
  if (is_distrusted(id)) return false;
  return ++workers_[id].refused >= kMostRefused && distrust(id, why);
}

bool TrustBook::distrust(const std::string& id, const std::string& why) {
  if (is_distrusted(id)) return false;
  workers_[id].wrong = why;
  return true;
}

bool TrustBook::is_distrusted(const std::string& id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? workers_.size() >= kMostWorkers : !found->second.wrong.empty();
}

std::vector<std::string> TrustBook::distrusted() const {
  std::vector<std::string> ids;
  for (const auto& [id, worker] : workers_)
    if (!worker.wrong.empty()) ids.push_back(id);
  return ids;
}

std::vector<std::string> TrustBook::silent(double now_s, double limit_s) const {
  std::vector<std::string> ids;
  for (const auto& [id, worker] : workers_)
    if (worker.wrong.empty() && now_s - worker.heard_s > limit_s) ids.push_back(id);
  return ids;
}

}  // namespace tilecompile
