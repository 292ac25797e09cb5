#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>

#include "faulty_proxy.hpp"
#include "s3_server.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using Fault = FaultyProxy::Fault;

template <class Kind, class Act>
std::string text_of(Act act) {
  try {
    act();
  } catch (const Kind& e) {
    return e.what();
  } catch (const std::exception& e) {
    ADD_FAILURE() << "another error: " << e.what();
    return "";
  }
  ADD_FAILURE() << "nothing was thrown";
  return "";
}

class S3Faults : public testing::Test {
 protected:
  void SetUp() override { TILECOMPILE_NEEDS_S3; }
  static S3Options through(const FaultyProxy& proxy, int attempts = 4) {
    S3Options options = S3Server::get().options();
    options.endpoint = proxy.address();
    options.max_attempts = attempts;
    return options;
  }
  static S3Options options() { return S3Server::get().options(); }
  TempDir dir_;
};

TEST_F(S3Faults, EveryPassingFaultIsOvercome) {
  FaultyProxy proxy(S3Server::get().port());
  const std::string bytes(300000, 'x');
  S3Bucket(options()).put("faults/there", bytes);
  for (const Fault fault : {Fault::kDropRequest, Fault::kDropAnswer, Fault::kUnavailable, Fault::kSlowDown}) {
    const int number = static_cast<int>(fault);
    const std::string key = "faults/new" + std::to_string(number);
    proxy.next({fault, fault});
    S3Bucket(through(proxy)).put(key, bytes);
    EXPECT_EQ(proxy.left(), 0u) << number;
    EXPECT_TRUE(S3Bucket(options()).get(key) == bytes) << number;
    proxy.next({fault, fault});
    EXPECT_TRUE(S3Bucket(through(proxy)).get("faults/there") == bytes) << number;
    EXPECT_EQ(proxy.left(), 0u) << number;
    proxy.next({fault, fault});
    EXPECT_EQ(S3Bucket(through(proxy)).look("faults/there").size_bytes, bytes.size()) << number;
    proxy.next({fault, fault});
    EXPECT_EQ(S3Bucket(through(proxy)).list("faults/there").size(), 1u) << number;
    proxy.next({fault, fault});
    S3Bucket(through(proxy)).remove(key);
    EXPECT_TRUE(S3Bucket(options()).look(key).key.empty()) << number;
  }
}

// What S3 says of an object that is not there to somebody without s3:ListBucket.
TEST_F(S3Faults, AMissingObjectThatMayNotBeLookedForNamesTheRight) {
  FaultyProxy proxy(S3Server::get().port());
  proxy.next({Fault::kForbidden});
  EXPECT_THAT(text_of<UsageError>([&] { S3Bucket(through(proxy)).look("faults/missing"); }),
              AllOf(HasSubstr("faults/missing"), HasSubstr("s3:ListBucket"), HasSubstr("403")));
  EXPECT_EQ(proxy.accepted(), 1) << "trying again changes no rights";
}

TEST_F(S3Faults, ATruncatedBodyIsNeverTaken) {
  FaultyProxy proxy(S3Server::get().port());
  const std::string bytes(300000, 'y');
  S3Bucket(options()).put("faults/cut", bytes);
  for (const std::size_t cut : {std::size_t{10}, std::size_t{900}, std::size_t{150000}}) {
    proxy.next({Fault::kCutAnswer, Fault::kCutAnswer}, cut);
    EXPECT_TRUE(S3Bucket(through(proxy)).get("faults/cut") == bytes) << cut;
    EXPECT_EQ(proxy.left(), 0u);
    proxy.next({Fault::kCutAnswer, Fault::kCutAnswer}, cut);
    S3Bucket(through(proxy)).download("faults/cut", dir_ / "file");
    std::ifstream file(dir_ / "file", std::ios::binary);
    EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(file), {}) == bytes) << cut;
    proxy.next({Fault::kCutAnswer, Fault::kCutAnswer}, cut);
    EXPECT_THAT(text_of<TransientError>([&] { S3Bucket(through(proxy, 2)).get("faults/cut"); }),
                HasSubstr("faults/cut"))
        << cut;
    EXPECT_EQ(proxy.left(), 0u);
  }
}

TEST_F(S3Faults, ABodyChangedOnItsWayIsFoundInBothDirections) {
  FaultyProxy proxy(S3Server::get().port());
  const std::string bytes(50000, 'z');
  proxy.next({Fault::kFlipRequest});
  S3Bucket(through(proxy)).put("faults/flip", bytes);
  EXPECT_GE(proxy.accepted(), 1);
  EXPECT_TRUE(S3Bucket(options()).get("faults/flip") == bytes);
  proxy.next({Fault::kFlipRequest});
  EXPECT_THAT(text_of<TransientError>([&] { S3Bucket(through(proxy, 1)).put("faults/flip", bytes); }),
              HasSubstr("400"));
  proxy.next({Fault::kFlipAnswer});
  EXPECT_THAT(text_of<TransientError>([&] { S3Bucket(through(proxy, 1)).get("faults/flip"); }),
              HasSubstr("SHA-256"));
  proxy.next({Fault::kFlipAnswer});
  EXPECT_THAT(
      text_of<TransientError>([&] { S3Bucket(through(proxy, 1)).download("faults/flip", dir_ / "file"); }),
      HasSubstr("SHA-256"));
}

TEST_F(S3Faults, AServerThatStaysAwayIsATransientErrorThatNamesIt) {
  FaultyProxy proxy(S3Server::get().port());
  proxy.next(std::vector<Fault>(9, Fault::kSlowDown));
  EXPECT_THAT(text_of<TransientError>([&] { S3Bucket(through(proxy, 3)).put("faults/no", "x"); }),
              AllOf(HasSubstr("faults/no"), HasSubstr(proxy.address()), HasSubstr("503 SlowDown")));
  EXPECT_EQ(proxy.left(), 6u) << "not three attempts";
  S3Options nobody = options();
  nobody.endpoint = "http://127.0.0.1:9";
  nobody.max_attempts = 2;
  EXPECT_THAT(text_of<TransientError>([&] { S3Bucket(nobody).get("a"); }),
              AllOf(HasSubstr("127.0.0.1:9"), HasSubstr("storage.s3.endpoint")));
  proxy.next({Fault::kSilent});
  S3Options patient = through(proxy, 1);
  patient.stall_timeout_s = 1;
  const auto began = std::chrono::steady_clock::now();
  text_of<TransientError>([&] { S3Bucket(patient).get("faults/no"); });
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(20));
}

TEST_F(S3Faults, PausesGrow) {
  FaultyProxy proxy(S3Server::get().port());
  proxy.next(std::vector<Fault>(9, Fault::kUnavailable));
  const auto began = std::chrono::steady_clock::now();
  text_of<TransientError>([&] { S3Bucket(through(proxy, 4)).look("a"); });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  EXPECT_GE(took.count(), 0.5 * (0.2 + 0.4 + 0.8));
}

TEST_F(S3Faults, WrongKeysAreAUsageErrorWithoutTheSecret) {
  PrivateS3& server = S3Server::get();
  const std::pair<std::string, std::string> wrong[] = {
      {server.write_credentials("wrong-secret", "tc:tiles", "not-the-secret"), "not-the-secret"},
      {server.write_credentials("unknown", "tc:nobody", "no-secret-at-all"), "no-secret-at-all"},
      {server.write_credentials("no-rights", "tc:other", "othersecret"), "othersecret"}};
  S3Bucket(options()).put("faults/secret", "x");
  for (const auto& [file, secret] : wrong) {
    S3Options options = S3Server::get().options();
    options.credentials_file = file;
    S3Bucket bucket(options);
    const auto refused =
        AllOf(HasSubstr("403"), HasSubstr("storage.s3"), Not(HasSubstr(secret)), Not(HasSubstr("AWS4")));
    const auto keys_are_named = AllOf(HasSubstr("403"), HasSubstr("keys"), Not(HasSubstr(secret)));
    EXPECT_THAT(text_of<UsageError>([&] { bucket.get("faults/secret"); }),
                testing::AnyOf(refused, keys_are_named))
        << file;
    EXPECT_THAT(text_of<UsageError>([&] { bucket.put("faults/secret2", "x"); }), HasSubstr("403")) << file;
    EXPECT_THAT(text_of<UsageError>([&] { bucket.look("faults/secret"); }), HasSubstr("403")) << file;
    EXPECT_THAT(text_of<UsageError>([&] { bucket.list(""); }), HasSubstr("403")) << file;
  }
  EXPECT_TRUE(S3Bucket(options()).look("faults/secret2").key.empty());
}

TEST_F(S3Faults, AMissingBucketIsAUsageErrorThatSaysSo) {
  S3Options missing = options();
  missing.bucket = "no-such-bucket";
  S3Bucket bucket(missing);
  for (const std::string& text :
       {text_of<UsageError>([&] { bucket.get("a"); }), text_of<UsageError>([&] { bucket.put("a", "x"); }),
        text_of<UsageError>([&] { bucket.list("a"); })})
    EXPECT_THAT(text, AllOf(HasSubstr("no-such-bucket"), HasSubstr("create the bucket"))) << text;
}

TEST_F(S3Faults, AnotherRegionIsAUsageErrorThatNamesTheKey) {
  S3Options elsewhere = options();
  elsewhere.region = "eu-north-1";
  EXPECT_THAT(text_of<UsageError>([&] { S3Bucket(elsewhere).get("a"); }), HasSubstr("storage.s3.region"));
}

TEST_F(S3Faults, ACertificateThatIsNotTrustedIsAUsageError) {
  S3Options tls = options();
  tls.endpoint = S3Server::get().https();
  EXPECT_THAT(text_of<UsageError>([&] { S3Bucket(tls).get("a"); }), HasSubstr("storage.s3.ca_file"));
  tls.ca_file = (dir_ / "none.pem").string();
  EXPECT_THAT(text_of<UsageError>([&] { S3Bucket(tls).get("a"); }), HasSubstr("storage.s3.ca_file"));
  tls.ca_file = S3Server::get().ca_file();
  S3Bucket(tls).put("faults/tls", "x");
  EXPECT_EQ(S3Bucket(tls).get("faults/tls"), "x");
}

TEST_F(S3Faults, AListingOfSeveralPagesIsWholeAndInOrder) {
  S3Bucket bucket(options());
  std::vector<std::string> keys;
  for (int i = 0; i < 77; ++i) {
    char name[40];
    std::snprintf(name, sizeof name, "pages/%04d +&<%%>.fit", i);
    keys.emplace_back(name);
    bucket.put(name, "x");
  }
  bucket.put("pagesbeside", "x");
  const std::vector<S3Object> found = bucket.list("pages/");
  ASSERT_EQ(found.size(), keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(found[i].key, keys[i]);
    EXPECT_EQ(found[i].size_bytes, 1u);
  }
  EXPECT_TRUE(bucket.list("no such prefix/").empty());
}

}  // namespace
}  // namespace tilecompile
