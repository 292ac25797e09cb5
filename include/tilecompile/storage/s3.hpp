#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// A bucket on an S3 service and how to reach it.
struct S3Options {
  std::string endpoint;  ///< "https://host[:port]"; empty: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS
  std::string bucket;
  std::string region;      ///< empty: AWS_REGION, AWS_DEFAULT_REGION, else us-east-1
  bool path_style = true;  ///< bucket in the path of the address; false: in front of the host name
  std::string ca_file;     ///< PEM file of the authorities to trust; empty: AWS_CA_BUNDLE, else the system's
  std::string credentials_file;  ///< ini file with profiles; empty: the environment, see load_s3_credentials
  std::string profile;           ///< section of that file; empty: AWS_PROFILE, else "default"
  int max_attempts = 5;
  double connect_timeout_s = 10;
  double stall_timeout_s = 30;  ///< longest time without a byte
};

/// What signs requests. Never logged, never part of an error text.
struct S3Credentials {
  std::string access_key, secret_key, session_token;
};
/// Keys of `profile` in `file`; without a file AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
/// AWS_SESSION_TOKEN, else the file AWS_SHARED_CREDENTIALS_FILE, else ~/.aws/credentials. Throws UsageError
/// that names file, profile and the missing key.
S3Credentials load_s3_credentials(const std::string& file, const std::string& profile);

/// An object as a listing or HEAD names it.
struct S3Object {
  std::string key;
  std::uint64_t size_bytes = 0;
  std::string etag;  ///< changes with the content
};

/// The objects of one bucket by their full keys, over HTTP with AWS Signature Version 4. What may work later
/// (no connection, dropped, stalled, cut short, 429, 5xx, body damaged on the way) is tried `max_attempts`
/// times with growing pauses and then thrown as TransientError; wrong keys, a missing bucket, a wrong region,
/// an untrusted certificate are UsageError. Safe from several threads.
class S3Bucket {
 public:
  /// Throws UsageError for an endpoint that is no plain http(s) address, and what load_s3_credentials throws.
  explicit S3Bucket(const S3Options& options);
  ~S3Bucket();
  S3Bucket(const S3Bucket&) = delete;
  S3Bucket& operator=(const S3Bucket&) = delete;

  /// Stores the object with its SHA-256 as metadata; the server checks the bytes against it. At most 5 GB.
  void put(const std::string& key, std::string_view bytes);
  /// The object's bytes, checked against the SHA-256 of its metadata where it has one. TransientError when
  /// there is no object.
  std::string get(const std::string& key);
  /// Writes the object to a new file; the same checks. Returns the object's ETag. After an error the file is
  /// of no use.
  std::string download(const std::string& key, const std::filesystem::path& file);
  /// Size and ETag; empty key when there is no object.
  S3Object look(const std::string& key);
  void remove(const std::string& key);
  /// All objects whose key begins with `prefix`, in ascending order of their bytes.
  std::vector<S3Object> list(const std::string& prefix);
  /// "S3 bucket tiles at https://s3.example.org".
  std::string describe() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Store in a bucket, below "<prefix>/" (none when empty).
std::unique_ptr<ObjectStore> open_s3_store(std::shared_ptr<S3Bucket> bucket, const std::string& prefix);

/// Writes and reads a small object "tilecompile-probe" that stays: throws what the place throws when it
/// cannot be used, before hours of work.
void probe_store(ObjectStore& store);

}  // namespace tilecompile
