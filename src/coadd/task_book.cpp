#include "tilecompile/coadd/task_book.hpp"

#include <algorithm>
#include <iterator>

namespace tilecompile {
namespace {

constexpr std::size_t kDurations = 101;  // the latest, for the median
constexpr int kLooks = 2;                // answers may be on their way, and counts of the broker lag

// How much more patience a task gets for each time that it was issued.
double longer(const TaskBook::Task& task) { return 1 << std::min(task.issued - 1, 10); }

}  // namespace

std::list<TaskBook::Task>::iterator TaskBook::find(const std::string& id) {
  const auto found = place_.find(id);
  return found == place_.end() ? under_way_.end() : found->second;
}

void TaskBook::sent(const std::string& id, int attempt, int tile_id, double due_s, int issued) {
  Known& known = known_[id];
  known.attempt = attempt;
  known.tiles.insert(std::upper_bound(known.tiles.begin(), known.tiles.end(), tile_id), tile_id);
  if (under_way_.empty() || under_way_.back().id != id) {
    under_way_.push_back({});
    under_way_.back().id = id;
    under_way_.back().attempt = attempt;
    under_way_.back().due_s = due_s;
    place_[id] = std::prev(under_way_.end());
  }
  under_way_.back().tiles.push_back(tile_id);
  under_way_.back().issued = std::max(under_way_.back().issued, issued);
}

void TaskBook::remember(const std::string& id, int attempt, const std::vector<int>& tiles) {
  Known& known = known_[id] = {attempt, tiles};
  std::sort(known.tiles.begin(), known.tiles.end());
}

bool TaskBook::asked(const std::string& id, int attempt, int tile_id) const {
  const auto found = known_.find(id);
  return found != known_.end() && found->second.attempt == attempt &&
         std::binary_search(found->second.tiles.begin(), found->second.tiles.end(), tile_id);
}

void TaskBook::answered(const std::string& id, int tile_id, bool last, double now_s) {
  const auto task = find(id);
  if (task == under_way_.end()) return;
  task->heard_s = now_s;
  if (task->leased_s < 0) task->leased_s = now_s;
  if (last) std::erase(task->tiles, tile_id);
  if (task->tiles.empty()) finish(task, now_s);
}

void TaskBook::finish(std::list<Task>::iterator task, double now_s) {
  const double took = now_s - task->leased_s;
  if (durations_.size() < kDurations)
    durations_.push_back(took);
  else
    durations_[next_duration_++ % kDurations] = took;
  place_.erase(task->id);
  under_way_.erase(task);
}

std::size_t TaskBook::look(std::size_t queued, std::size_t consumers, double now_s) {
  std::size_t due = 0;
  for (const Task& t : under_way_) due += t.due_s <= now_s ? 1 : 0;
  const std::size_t leased = due > queued ? due - queued : 0;
  std::size_t n = 0;
  for (Task& t : under_way_)
    if (t.due_s <= now_s && n++ < leased && t.leased_s < 0) t.leased_s = now_s;
  queued_ = queued;
  const std::size_t slack = std::max<std::size_t>(2, capacity_ / 4);
  const bool more = capacity_known_ && consumers <= consumers_ && leased > capacity_ + slack;
  suspicious_looks_ = more ? suspicious_looks_ + 1 : 0;
  if (suspicious_looks_ >= kLooks) {
    suspicious_looks_ = 0;
    return leased - capacity_;
  }
  if (more || queued == 0 || queued > due) return 0;  // then the consumers need not be full, or hold others'
  capacity_ = capacity_known_ && consumers == consumers_ ? std::max(capacity_, leased) : leased;
  consumers_ = consumers;
  capacity_known_ = true;
  return 0;
}

double TaskBook::median_s() const {
  std::vector<double> sorted = durations_;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2),
                   sorted.end());
  return sorted[sorted.size() / 2];
}

double TaskBook::limit_s(const Lease& lease) const {
  return durations_.empty() ? lease.first_s : std::max(lease.floor_s, lease.factor * median_s());
}

std::vector<TaskBook::Task> TaskBook::overdue(const Lease& lease, double now_s) const {
  const double limit = limit_s(lease);
  std::vector<Task> tasks;
  for (const Task& t : under_way_) {
    if (t.leased_s >= 0 && now_s - std::max(t.leased_s, t.heard_s) > limit * longer(t)) tasks.push_back(t);
  }
  return tasks;
}

std::vector<TaskBook::Task> TaskBook::missing(std::size_t count) const {
  // The newest of those that cannot be on the queue: what waits there now was sent last.
  std::vector<Task> tasks(under_way_.begin(), under_way_.end());
  const std::size_t end = tasks.size() > queued_ ? tasks.size() - queued_ : 0;
  const std::size_t begin = end > count ? end - count : 0;
  return {tasks.begin() + static_cast<std::ptrdiff_t>(begin),
          tasks.begin() + static_cast<std::ptrdiff_t>(end)};
}

std::vector<TaskBook::Task> TaskBook::last_ones(double now_s, std::size_t most) {
  if (queued_ > 0 || durations_.empty()) return {};
  const double usual = median_s();
  const auto silent_s = [now_s](const Task& t) { return now_s - std::max(t.leased_s, t.heard_s); };
  std::vector<Task*> silent;
  for (Task& t : under_way_)
    if (t.leased_s >= 0 && !t.issued_again && silent_s(t) > usual * longer(t)) silent.push_back(&t);
  std::stable_sort(silent.begin(), silent.end(),
                   [&](const Task* a, const Task* b) { return silent_s(*a) > silent_s(*b); });
  if (silent.size() > most) silent.resize(most);
  std::vector<Task> tasks;
  for (Task* t : silent) {
    t->issued_again = true;
    tasks.push_back(*t);
  }
  return tasks;
}

void TaskBook::drop(const std::string& id) {
  const auto task = find(id);
  if (task == under_way_.end()) return;
  place_.erase(id);
  under_way_.erase(task);
}

void TaskBook::drop_all() {
  place_.clear();
  under_way_.clear();
}

}  // namespace tilecompile
