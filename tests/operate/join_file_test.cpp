#include "tilecompile/operate/join_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/operate/definitions.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void put(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

class JoinFile : public testing::Test {
 protected:
  JoinFile() {
    request_.file = folder_ / "barn.yaml";
    request_.worker_id = "barn-1";
    request_.config.broker.host = "main.example.org";
    request_.config.broker.vhost = "observatory";
    request_.config.input.dir = "/shared/frames";
    request_.config.storage.root = "/shared/store";
  }
  WorkerConfig joined() const { return load_worker_config(request_.file, {}); }

  TempDir folder_;
  JoinRequest request_;
};

TEST_F(JoinFile, OneFileIsAllThatTheWorkerNeeds) {
  put(folder_ / "ca.pem", "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n");
  put(folder_ / "s3", "[default]\naws_access_key_id = \"x\"\n");
  request_.config.broker.tls = true;
  request_.config.broker.ca_file = folder_ / "ca.pem";
  request_.config.storage.s3.credentials_file = folder_ / "s3";
  const auto definitions = write_join_file(request_);
  fs::remove(folder_ / "ca.pem");
  fs::remove(folder_ / "s3");
  const WorkerConfig worker = joined();
  EXPECT_EQ(worker.worker_id, "barn-1");
  EXPECT_EQ(worker.broker.host, "main.example.org");
  EXPECT_EQ(worker.broker.vhost, "observatory");
  EXPECT_TRUE(worker.broker.tls);
  EXPECT_EQ(worker.broker.user, "tilecompile-worker-barn-1");
  EXPECT_EQ(worker.input.dir, "/shared/frames");
  EXPECT_EQ(worker.storage.root, "/shared/store");
  EXPECT_THAT(text_of(worker.broker.ca_file), HasSubstr("CERTIFICATE-----\nabc\n"));
  EXPECT_EQ(text_of(worker.storage.s3.credentials_file), "[default]\naws_access_key_id = \"x\"\n");
  const std::string password = broker_password(worker.broker);
  EXPECT_EQ(password.size(), 64u);
  EXPECT_THAT(definitions.dump(), Not(HasSubstr(password)));
  ASSERT_EQ(definitions.at("users").size(), 1u);
  EXPECT_EQ(definitions.at("users").at(0).at("name"), worker.broker.user);
  EXPECT_EQ(definitions.at("permissions").at(0).at("read"), "^tile\\.compute$");
  EXPECT_EQ(definitions.at("permissions").at(0).at("configure"), "^$");
}

TEST_F(JoinFile, NobodyElseMayReadIt) {
  write_join_file(request_);
  EXPECT_EQ(fs::status(request_.file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  fs::permissions(request_.file, fs::perms::group_read, fs::perm_options::add);
  try {
    joined();
    ADD_FAILURE() << "it was taken";
  } catch (const UsageError& e) {
    EXPECT_THAT(e.what(), HasSubstr("others may read the secrets in it"));
  }
}

TEST_F(JoinFile, TheWorkerHasAKeyOfItsOwnThatTheMasterKnows) {
  const std::string shared(64, 'a');
  put(folder_ / "keys", shared + "\nbbbbbbbbbbbbbbbbbbbbbbbb = barn-2\n");
  request_.config.broker.message_key_file = folder_ / "keys";
  write_join_file(request_);
  const std::string first = text_of(joined().broker.message_key_file);
  EXPECT_EQ(first.substr(64), " = barn-1\n" + shared + "\n") << "not the key of another worker";
  EXPECT_THAT(text_of(folder_ / "keys"), HasSubstr(first.substr(0, 64) + " = barn-1\n"));
  write_join_file(request_);
  const std::string kept = text_of(folder_ / "keys");
  EXPECT_THAT(kept, Not(HasSubstr(first.substr(0, 64)))) << "the old file is worth nothing any more";
  EXPECT_THAT(kept, HasSubstr(shared + "\nbbbbbbbbbbbbbbbbbbbbbbbb = barn-2\n"));
}

TEST_F(JoinFile, ABrokerOfThisHostIsReachedByItsName) {
  request_.config.broker.host = "127.0.0.1";
  write_join_file(request_);
  EXPECT_NE(joined().broker.host, "127.0.0.1");
  request_.address = "10.0.0.7";
  write_join_file(request_);
  EXPECT_EQ(joined().broker.host, "10.0.0.7");
}

TEST_F(JoinFile, WhatItDoesNotKnowIsRefused) {
  request_.worker_id = "two words";
  EXPECT_THROW(write_join_file(request_), UsageError);
  request_.worker_id = "barn-1";
  request_.config.broker.tls = true;
  request_.config.broker.ca_file = folder_ / "nowhere.pem";
  EXPECT_THROW(write_join_file(request_), UsageError);
  put(request_.file, "worker_id: a\njoin:\n  {\"other\": \"x\"}\n");
  fs::permissions(request_.file, fs::perms::owner_read);
  EXPECT_THROW(joined(), UsageError);
}

}  // namespace
}  // namespace tilecompile
