#include "section_rows.hpp"

namespace tilecompile {
namespace {

void add_s3(std::vector<Key>& table) {
  SectionRows<S3Config> s3(
      table, "storage.s3", kRunAndWorker, [](auto& s) -> auto& { return s.run.storage.s3; });
  s3.add("endpoint", &S3Config::endpoint, TextRule::kAny,
         "Address of the service, https://host[:port]; empty: AWS_ENDPOINT_URL, else AWS");
  s3.add("bucket", &S3Config::bucket, TextRule::kAny, "Name of the bucket");
  s3.add("prefix", &S3Config::prefix, TextRule::kAny, "Where in the bucket tiles and manifests go");
  s3.add("frames_prefix", &S3Config::frames_prefix, TextRule::kAny,
         "Where in the bucket the frames lie; empty: they lie in input.dir");
  s3.add("region", &S3Config::region, TextRule::kAny,
         "Region of the bucket; empty: AWS_REGION, AWS_DEFAULT_REGION, else us-east-1");
  s3.add("path_style", &S3Config::path_style,
         "The bucket stands in the path of the address; false: in front of the host name");
  s3.add("ca_file", &S3Config::ca_file, TextRule::kAnyPath,
         "Authorities that the server's certificate may come from (PEM); empty: AWS_CA_BUNDLE, else those of "
         "the system");
  s3.add("credentials_file", &S3Config::credentials_file, TextRule::kAnyPath,
         "AWS credentials file with the keys; empty: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, else "
         "~/.aws/credentials");
  s3.add("profile", &S3Config::profile, TextRule::kAny,
         "Section of the credentials file; empty: AWS_PROFILE, else default");
  s3.add("max_attempts", &S3Config::max_attempts, Between{1, 100}, "How often a request is tried");
  s3.add("connect_timeout_s", &S3Config::connect_timeout_s, Between{0.1, 3600},
         "Seconds one attempt to connect may take");
  s3.add("stall_timeout_s", &S3Config::stall_timeout_s, Between{1, 3600},
         "Seconds without a byte that end an attempt");
}

}  // namespace

void add_storage_keys(std::vector<Key>& table) {
  SectionRows<StorageConfig> storage(
      table, "storage", kRunAndWorker, [](auto& s) -> auto& { return s.run.storage; });
  storage.add_choice("type", &StorageConfig::type,
                     Choices<StorageType>{{"file", StorageType::kFile}, {"s3", StorageType::kS3}},
                     "Where tiles and manifests lie");
  storage.add("root", &StorageConfig::root, TextRule::kAnyPath,
              "Folder that master and workers share; empty: output.dir");
  storage.add(
      "upload_frames", &StorageConfig::upload_frames,
      "With storage.type s3: the master brings the frames into the bucket, by their content and once, "
      "and workers read them there");
  add_s3(table);
  SectionRows<CacheConfig> cache(
      table, "cache", kRunAndWorker, [](auto& s) -> auto& { return s.run.cache; });
  cache.add("dir", &CacheConfig::dir, TextRule::kAnyPath,
            "Folder on a local disk for copies of the frames; empty: they are read where they lie");
  cache.add("size_limit_mb", &CacheConfig::size_limit_mb, Between{0, 1 << 30},
            "Size of all copies, in MiB, above which the oldest go; 0: no limit");
}

}  // namespace tilecompile
