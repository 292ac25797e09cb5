#include "tilecompile/storage/memory_store.hpp"

#include <map>
#include <mutex>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

class MemoryStore final : public ObjectStore {
 public:
  void put(const std::string& key, std::string_view bytes) override {
    check_object_key(key);
    const std::lock_guard<std::mutex> lock(mutex_);
    objects_[key] = std::string(bytes);
  }
  std::string get(const std::string& key) override {
    check_object_key(key);
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) throw TransientError("there is no object " + key + " in " + describe());
    return found->second;
  }
  bool exists(const std::string& key) override {
    check_object_key(key);
    const std::lock_guard<std::mutex> lock(mutex_);
    return objects_.count(key) != 0;
  }
  void remove(const std::string& key) override {
    check_object_key(key);
    const std::lock_guard<std::mutex> lock(mutex_);
    objects_.erase(key);
  }
  std::vector<StoredObject> list(const std::string& folder) override {
    check_object_key(folder);
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<StoredObject> found;
    for (auto it = objects_.lower_bound(folder + "/"); it != objects_.end(); ++it) {
      if (!it->first.starts_with(folder + "/")) break;
      found.push_back({it->first, it->second.size()});
    }
    return found;
  }
  std::string describe() const override { return "memory store"; }

 private:
  std::mutex mutex_;
  std::map<std::string, std::string> objects_;
};

}  // namespace

std::unique_ptr<ObjectStore> open_memory_store() { return std::make_unique<MemoryStore>(); }

}  // namespace tilecompile
