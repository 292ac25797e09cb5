#include "own_tiles_pool.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "tilecompile/base/parallel.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/worker/execute_task.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kMemoryShare = 4;  // of the limit; the master holds the classical stack and tiles
// They are asked for here and there: a wide band would be read for one of its tiles.
constexpr std::size_t kLargestBandBytes = std::size_t{24} << 20;

/// Reads from another store and keeps what is written in memory, for one tile.
class ScratchStore : public ObjectStore {
 public:
  explicit ScratchStore(ObjectStore& base) : base_(base) {}
  void put(const std::string& key, std::string_view bytes) override { written_[key] = bytes; }
  std::string get(const std::string& key) override { return base_.get(key); }
  bool exists(const std::string& key) override { return base_.exists(key); }
  void remove(const std::string& key) override { written_.erase(key); }
  std::vector<StoredObject> list(const std::string& folder) override { return base_.list(folder); }
  std::string describe() const override { return base_.describe(); }
  std::string take(const std::string& key) { return std::move(written_[key]); }

 private:
  ObjectStore& base_;
  std::map<std::string, std::string> written_;
};

class OwnTilesPool : public OwnTiles {
 public:
  OwnTilesPool(ObjectStore& store, FrameOrigin frames, const ParallelConfig& config,
               std::shared_ptr<VerifiedFiles> verified)
      : store_(store),
        frames_(std::move(frames)),
        verified_(std::move(verified)),
        threads_(thread_count(config.threads)),
        memory_(memory_limit_bytes(config) / kMemoryShare) {
    frames_.kept_by_others = true;  // the master's, who keeps them for all
  }
  ~OwnTilesPool() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
      asked_.clear();
    }
    changed_.notify_all();
    for (std::thread& t : pool_) t.join();
  }

  void ask(const TileTask& task, bool afresh) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      asked_.push_back({task, afresh});
      if (!runs_) runs_ = contexts(frames_, verified_);
      if (static_cast<int>(pool_.size()) < threads_) pool_.emplace_back([this] { work(); });
    }
    changed_.notify_one();
  }
  OwnTile compute(const TileTask& task) override { return compute(task, *contexts(frames_, verified_)); }
  void rest() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (runs_) runs_->forget();
  }
  std::optional<OwnTile> answer() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (done_.empty()) return std::nullopt;
    OwnTile own = std::move(done_.front());
    done_.pop_front();
    return own;
  }

 private:
  struct Asked {
    TileTask task;
    bool afresh = false;
  };
  std::shared_ptr<RunContexts> contexts(FrameOrigin frames, std::shared_ptr<VerifiedFiles> verified) const {
    return std::make_shared<RunContexts>(store_, std::move(frames), memory_, threads_, std::move(verified),
                                         kLargestBandBytes);
  }
  // Nothing that this process holds of them is believed.
  std::shared_ptr<RunContexts> fresh_contexts() const {
    FrameOrigin frames = frames_;
    frames.kept = nullptr;
    return contexts(std::move(frames), std::make_shared<VerifiedFiles>());
  }
  void work() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stop_ || !asked_.empty(); });
      if (stop_) return;
      const Asked asked = std::move(asked_.front());
      asked_.pop_front();
      const std::shared_ptr<RunContexts> runs = asked.afresh ? fresh_contexts() : runs_;
      lock.unlock();
      OwnTile own = compute(asked.task, *runs);
      lock.lock();
      done_.push_back(std::move(own));
    }
  }
  OwnTile compute(const TileTask& task, RunContexts& runs) {
    ScratchStore scratch(store_);
    OwnTile own;
    execute_tiles(task, runs, scratch, {kMasterName, 1}, [&](const ResultMessage& r) { own.result = r; });
    if (!own.result.failure) own.bytes = scratch.take(own.result.data_ref);
    return own;
  }

  ObjectStore& store_;
  FrameOrigin frames_;
  const std::shared_ptr<VerifiedFiles> verified_;
  const int threads_;
  const std::size_t memory_;
  std::mutex mutex_;  // of all that follows
  std::condition_variable changed_;
  bool stop_ = false;
  std::deque<Asked> asked_;
  std::deque<OwnTile> done_;
  std::shared_ptr<RunContexts> runs_;
  std::vector<std::thread> pool_;
};

}  // namespace

std::unique_ptr<OwnTiles> own_tiles_pool(ObjectStore& store, FrameOrigin frames, const ParallelConfig& config,
                                         std::shared_ptr<VerifiedFiles> verified) {
  return std::make_unique<OwnTilesPool>(store, std::move(frames), config, std::move(verified));
}

}  // namespace tilecompile
