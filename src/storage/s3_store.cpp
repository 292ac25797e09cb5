#include <utility>

#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {
namespace {

class S3Store final : public ObjectStore {
 public:
  S3Store(std::shared_ptr<S3Bucket> bucket, std::string prefix)
      : bucket_(std::move(bucket)), prefix_(std::move(prefix)) {}

  void put(const std::string& key, std::string_view bytes) override { bucket_->put(full(key), bytes); }
  std::string get(const std::string& key) override { return bucket_->get(full(key)); }
  bool exists(const std::string& key) override { return !bucket_->look(full(key)).key.empty(); }
  void remove(const std::string& key) override { bucket_->remove(full(key)); }
  std::vector<StoredObject> list(const std::string& folder) override {
    std::vector<StoredObject> found;
    for (const S3Object& object : bucket_->list(full(folder) + "/"))
      found.push_back({object.key.substr(prefix_.empty() ? 0 : prefix_.size() + 1), object.size_bytes});
    return found;
  }
  std::string describe() const override {
    return bucket_->describe() + (prefix_.empty() ? "" : ", prefix " + prefix_);
  }

 private:
  std::string full(const std::string& key) const {
    check_object_key(key);
    return prefix_.empty() ? key : prefix_ + "/" + key;
  }

  std::shared_ptr<S3Bucket> bucket_;
  std::string prefix_;
};

}  // namespace

std::unique_ptr<ObjectStore> open_s3_store(std::shared_ptr<S3Bucket> bucket, const std::string& prefix) {
  return std::make_unique<S3Store>(std::move(bucket), prefix);
}

void probe_store(ObjectStore& store) {
  constexpr const char* kKey = "tilecompile-probe";
  const std::string bytes = "tilecompile was here\n";
  store.put(kKey, bytes);
  if (store.get(kKey) != bytes)
    throw TransientError("the object " + std::string(kKey) + " in " + store.describe() +
                         " does not read as it was written; look at the server's log");
  store.exists("tilecompile-no-such-object");  // a missing object takes another right than one that is there
}

}  // namespace tilecompile
