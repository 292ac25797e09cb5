#pragma once
#include <functional>
#include <string>

#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// Another store, in front of which `on_put` may throw.
class FaultyStore : public ObjectStore {
 public:
  FaultyStore(ObjectStore& behind, std::function<void(const std::string& key)> on_put)
      : behind_(behind), on_put_(std::move(on_put)) {}
  void put(const std::string& key, std::string_view bytes) override {
    on_put_(key);
    behind_.put(key, bytes);
  }
  std::string get(const std::string& key) override { return behind_.get(key); }
  bool exists(const std::string& key) override { return behind_.exists(key); }
  void remove(const std::string& key) override { behind_.remove(key); }
  std::vector<StoredObject> list(const std::string& folder) override { return behind_.list(folder); }
  std::string describe() const override { return behind_.describe(); }

 private:
  ObjectStore& behind_;
  std::function<void(const std::string&)> on_put_;
};

}  // namespace tilecompile
