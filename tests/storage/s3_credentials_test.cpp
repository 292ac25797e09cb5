#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Without the AWS variables of whoever runs the tests, and with an empty home.
class S3Keys : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : kNames) {
      const char* value = std::getenv(name);
      before_.emplace_back(value != nullptr ? std::optional<std::string>(value) : std::nullopt);
      unsetenv(name);
    }
    setenv("HOME", dir_.path().c_str(), 1);
  }
  void TearDown() override {
    for (std::size_t i = 0; i < before_.size(); ++i)
      before_[i] ? setenv(kNames[i], before_[i]->c_str(), 1) : unsetenv(kNames[i]);
  }
  std::string write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
    return (dir_ / name).string();
  }
  static std::string refusal(const std::string& file, const std::string& profile) {
    try {
      load_s3_credentials(file, profile);
    } catch (const UsageError& e) {
      return e.what();
    }
    ADD_FAILURE() << "nothing was thrown";
    return "";
  }

  static constexpr const char* kNames[] = {
      "HOME",        "AWS_ACCESS_KEY_ID",   "AWS_SECRET_ACCESS_KEY",       "AWS_SESSION_TOKEN",
      "AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SHARED_CREDENTIALS_FILE", "AWS_ENDPOINT_URL"};
  TempDir dir_;
  std::vector<std::optional<std::string>> before_;
};

const char* const kFile =
    "# keys\n[default]\naws_access_key_id = AKONE\naws_secret_access_key=a+b/c=\r\n\n[ night ]\n"
    "aws_access_key_id=AKTWO\n  aws_secret_access_key = two ; three\naws_session_token = tok\nregion = x\n"
    "[half]\naws_access_key_id = hidden-half\n";

TEST_F(S3Keys, ComeFromTheProfileOfTheFile) {
  const std::string file = write("keys", kFile);
  const S3Credentials one = load_s3_credentials(file, "");
  EXPECT_EQ(one.access_key, "AKONE");
  EXPECT_EQ(one.secret_key, "a+b/c=");
  EXPECT_EQ(one.session_token, "");
  const S3Credentials two = load_s3_credentials(file, "night");
  EXPECT_EQ(two.access_key, "AKTWO");
  EXPECT_EQ(two.secret_key, "two ; three");
  EXPECT_EQ(two.session_token, "tok");
  setenv("AWS_PROFILE", "night", 1);
  EXPECT_EQ(load_s3_credentials(file, "").access_key, "AKTWO");
  EXPECT_EQ(load_s3_credentials(file, "default").access_key, "AKONE");
}

TEST_F(S3Keys, AFileThatIsNamedGoesBeforeTheEnvironmentAndThatBeforeTheUsualFile) {
  write(".aws/credentials", "[default]\naws_access_key_id=HOME\naws_secret_access_key=s\n");
  EXPECT_EQ(load_s3_credentials("", "").access_key, "HOME");
  setenv("AWS_SHARED_CREDENTIALS_FILE", write("shared", kFile).c_str(), 1);
  EXPECT_EQ(load_s3_credentials("", "").access_key, "AKONE");
  setenv("AWS_ACCESS_KEY_ID", "ENV", 1);
  EXPECT_THAT(refusal("", ""), HasSubstr("AWS_SECRET_ACCESS_KEY"));
  setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
  EXPECT_EQ(load_s3_credentials("", "").access_key, "ENV");
  EXPECT_EQ(load_s3_credentials(write("keys", kFile), "").access_key, "AKONE");
}

TEST_F(S3Keys, WhatIsMissingIsNamedWithoutWhatIsThere) {
  const std::string file = write("keys", kFile);
  EXPECT_THAT(refusal(file, "none"), AllOf(HasSubstr(file), HasSubstr("[none]")));
  EXPECT_THAT(refusal(file, "half"),
              AllOf(HasSubstr("aws_secret_access_key is missing"), Not(HasSubstr("hidden-half"))));
  EXPECT_THAT(refusal(file + "x", ""), HasSubstr("No such file"));
  EXPECT_THAT(refusal(dir_.path().string(), ""), HasSubstr("folder"));
  EXPECT_THAT(refusal("", ""),
              AllOf(HasSubstr("storage.s3.credentials_file"), HasSubstr("AWS_ACCESS_KEY_ID")));
}

TEST_F(S3Keys, AnEndpointIsAPlainAddress) {
  S3Options options;
  options.bucket = "b";
  options.credentials_file = write("keys", kFile);
  for (const char* odd : {"s3.example.org", "ftp://s3.example.org", "https://", "https://user:geheim@host",
                          "https://host/path", "https://host?x", "https://ho st"}) {
    options.endpoint = odd;
    try {
      S3Bucket bucket(options);
      ADD_FAILURE() << odd;
    } catch (const UsageError& e) {
      EXPECT_THAT(e.what(), AllOf(HasSubstr("storage.s3.endpoint"), Not(HasSubstr("geheim"))));
    }
  }
  options.endpoint = "https://host:9000/";
  EXPECT_EQ(S3Bucket(options).describe(), "S3 bucket b at https://host:9000");
  options.endpoint = "";
  options.region = "eu-west-1";
  EXPECT_THAT(S3Bucket(options).describe(), HasSubstr("https://s3.eu-west-1.amazonaws.com"));
  setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9000", 1);
  EXPECT_THAT(S3Bucket(options).describe(), HasSubstr("http://127.0.0.1:9000"));
}

}  // namespace
}  // namespace tilecompile
