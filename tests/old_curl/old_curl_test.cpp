// src/storage/http.cpp compiled against the header beside this file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/object_store.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {
namespace {

TEST(OldCurl, RefusesABucketAndNamesBothVersions) {
  TempDir folder;
  std::ofstream(folder / "keys") << "[default]\naws_access_key_id = AKIA\naws_secret_access_key = secret\n";
  S3Options options;
  options.endpoint = "http://127.0.0.1:9";
  options.bucket = "astro";
  options.credentials_file = (folder / "keys").string();
  try {
    S3Bucket bucket(options);
    FAIL() << "not refused";
  } catch (const UsageError& error) {
    for (const char* words : {"7.88 or newer", "built with 7.81.0", "storage.type: file"})
      EXPECT_THAT(error.what(), testing::HasSubstr(words));
  }
}

}  // namespace
}  // namespace tilecompile
