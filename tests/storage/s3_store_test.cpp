#include <gtest/gtest.h>

#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/memory_store.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {
namespace {

/// A store whose user may write and read, but not look for what is not there.
class WithoutListBucket : public ObjectStore {
 public:
  void put(const std::string& key, std::string_view bytes) override { inner_->put(key, bytes); }
  std::string get(const std::string& key) override { return inner_->get(key); }
  bool exists(const std::string& key) override {
    if (!inner_->exists(key)) throw UsageError("the server answered 403");
    return true;
  }
  void remove(const std::string& key) override { inner_->remove(key); }
  std::vector<StoredObject> list(const std::string& folder) override { return inner_->list(folder); }
  std::string describe() const override { return "a store"; }

 private:
  std::unique_ptr<ObjectStore> inner_ = open_memory_store();
};

TEST(ProbeStore, FindsAMissingRightBeforeTheWorkBegins) {
  const auto good = open_memory_store();
  EXPECT_NO_THROW(probe_store(*good));
  EXPECT_NO_THROW(probe_store(*good)) << "again";
  WithoutListBucket poor;
  EXPECT_THROW(probe_store(poor), UsageError);
}

}  // namespace
}  // namespace tilecompile
