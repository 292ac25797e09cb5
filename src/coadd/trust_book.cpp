#include "tilecompile/coadd/trust_book.hpp"

namespace tilecompile {

void TrustBook::heard(const std::string& id, double now_s, const std::string& host) {
  if (workers_.size() >= kMostWorkers && workers_.count(id) == 0) return;
  workers_[id].heard_s = now_s;
  if (!host.empty()) workers_[id].host = host;
}

void TrustBook::audited(const std::string& id, const std::string& by, bool by_master) {
  ++audits_by[{id, by}];
  if (by_master) ++workers_[id].confirmed;
}

bool TrustBook::is_confirmed(const std::string& id) const {
  const auto found = workers_.find(id);
  return found != workers_.end() && found->second.confirmed > 0 && found->second.wrong.empty();
}

std::optional<std::vector<std::string>> TrustBook::not_auditors_of(const std::string& id, double now_s,
                                                                   double within_s) const {
  const auto self = workers_.find(id);
  const std::string host = self == workers_.end() ? "" : self->second.host;
  bool anybody = false, elsewhere = false;
  std::vector<std::string> same_host{id};
  for (const auto& [other, worker] : workers_) {
    if (other == id) continue;
    const bool here = !host.empty() && worker.host == host;
    if (here) same_host.push_back(other);
    if (!is_confirmed(other) || now_s - worker.heard_s > within_s) continue;
    anybody = true;
    elsewhere = elsewhere || (!here && !host.empty() && !worker.host.empty());
  }
  if (!anybody) return std::nullopt;
  return elsewhere ? same_host : std::vector<std::string>{id};
}

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
