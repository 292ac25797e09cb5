#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "broker/private_broker.hpp"
#include "hand_worker.hpp"
#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What docs/operating.md tells of joining by a file, from the first command to the picture.
class Join : public testing::Test {
 protected:
  void SetUp() override {
    TILECOMPILE_NEEDS_RABBITMQ
    const auto made = run_program("simulate '" + at("night") +
                                  "' --frames 20 --width 300 --height 200 --stars 60 --drift 8 --seed 9");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    fs::create_directory(folder_ / "shared");
    std::ofstream(folder_ / "run.yaml") << "input: {dir: night/frames}\noutput: {dir: '" + at("out") +
                                               "'}\nstorage: {root: '" + at("shared") +
                                               "'}\ndata: {frames_min: 5}\nprofile: recommended\n";
  }
  std::string at(const std::string& name) const { return (folder_ / name).string(); }
  ProgramOutput setup(const std::string& worker, const std::string& more = " --address localhost") const {
    return run_program("setup '" + at("run.yaml") + "' --join-file '" + at(worker + ".yaml") + "' --worker " +
                       worker + more);
  }
  TempDir folder_;
};

TEST_F(Join, OneFileIsAllThatAWorkerNeeds) {
  ProgramOutput said = setup("barn-1");
  ASSERT_EQ(said.exit_code, 0) << said.text;
  EXPECT_THAT(said.text, HasSubstr("rabbitmqctl import_definitions"));
  struct stat info {};
  ASSERT_EQ(::stat(at("barn-1.yaml").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const fs::path secrets = folder_ / "tilecompile-secrets";
  std::string conf = text_of(secrets / "rabbitmq.conf");
  const std::string port = "listeners.ssl.default = 5671", tcp = "listeners.tcp = none";
  ASSERT_THAT(conf, HasSubstr(port));
  conf.replace(conf.find(port), port.size(), "listeners.ssl.1 = 127.0.0.1:@TLS_PORT@");
  conf.erase(conf.find(tcp), tcp.size());  // the test's own commands come that way
  PrivateBroker broker(conf);
  broker.ctl("import_definitions '" + (secrets / "definitions.json").string() + "'");

  // Its section goes into RUN.yaml, as the command said.
  std::ofstream(folder_ / "run.yaml", std::ios::app) << text_of(secrets / "broker.yaml");
  const std::string tls_port = std::to_string(broker.tls_port());
  HandWorker worker(folder_.path(), "barn-1", "'" + at("barn-1.yaml") + "' --broker.port " + tls_port);
  const std::string master = " '" + at("run.yaml") + "' --set broker.port=" + tls_port;
  const ProgramOutput verified =
      run_program("verify" + master + " --set 'workers=[{id: barn-1}]' --set parallel.audit_percent=0");
  EXPECT_EQ(verified.exit_code, 0) << verified.text << worker.text();
  const ProgramOutput run = run_program("master" + master + " --quiet");
  EXPECT_THAT(run.exit_code, testing::AnyOf(0, 3)) << run.text << worker.text();
  EXPECT_THAT(broker.ctl("list_users -q"), HasSubstr("tilecompile-worker-barn-1"));

  // A second worker: nothing is to be done again but the import.
  said = setup("dome-1");
  EXPECT_EQ(said.exit_code, 0) << said.text;
  EXPECT_THAT(said.text, Not(HasSubstr("once ")));
  EXPECT_THAT(text_of(secrets / "definitions.json"), HasSubstr("tilecompile-worker-dome-1"));
  EXPECT_THAT(text_of(secrets / "message-keys"), HasSubstr(" = dome-1\n"));
  EXPECT_THAT(text_of(at("dome-1.yaml")), Not(HasSubstr(" = barn-1")));
}

TEST_F(Join, OnAPrivateNetworkThereAreNoCertificates) {
  const ProgramOutput said = setup("barn-1", " --address 192.168.1.10 --set broker.allow_plaintext=true");
  ASSERT_EQ(said.exit_code, 0) << said.text;
  EXPECT_THAT(said.text, Not(HasSubstr("rabbitmq.conf")));
  EXPECT_FALSE(fs::exists(folder_ / "tilecompile-secrets/ca.pem"));
  const std::string file = text_of(at("barn-1.yaml"));
  EXPECT_THAT(file, HasSubstr("allow_plaintext: true"));
  EXPECT_THAT(file, HasSubstr("host: \"192.168.1.10\""));
  EXPECT_THAT(file, Not(HasSubstr("CERTIFICATE")));
}

TEST_F(Join, ABrokerThatIsSetUpAlreadyStaysAsItIs) {
  std::ofstream(folder_ / "ca.pem") << "the authority\n";
  std::ofstream(folder_ / "keys") << "0123456789abcdef0123456789abcdef\n";
  std::ofstream(folder_ / "run.yaml", std::ios::app)
      << "broker: {url: 'amqps://boss@main.example.org/night', password_file: p, ca_file: '" + at("ca.pem") +
             "', message_key_file: '" + at("keys") + "'}\n";
  const ProgramOutput said = setup("barn-1", "");
  ASSERT_EQ(said.exit_code, 0) << said.text;
  EXPECT_THAT(said.text, Not(HasSubstr("once ")));
  EXPECT_THAT(text_of(at("keys")),
              testing::MatchesRegex("0123456789abcdef0123456789abcdef\n[0-9a-f]{64} = barn-1\n"));
  const std::string file = text_of(at("barn-1.yaml"));
  EXPECT_THAT(file, HasSubstr("the authority"));
  EXPECT_THAT(file, HasSubstr("vhost: \"night\""));
  EXPECT_THAT(file, HasSubstr("host: \"main.example.org\""));
  const std::string users = text_of(folder_ / "tilecompile-secrets/definitions.json");
  EXPECT_THAT(users, HasSubstr("tilecompile-worker-barn-1"));
  EXPECT_THAT(users, Not(HasSubstr("tilecompile-master")));
}

// As docker/make-secrets.sh makes it: the broker asks for certificates, so one of its authority is in the
// file.
TEST_F(Join, AnAuthorityInTheSecretsGivesTheWorkerACertificate) {
  ASSERT_EQ(setup("barn-1").exit_code, 0);  // makes an authority
  const fs::path secrets = folder_ / "tilecompile-secrets";
  fs::copy_file(secrets / "ca.pem", folder_ / "trusted.pem");
  std::ofstream(folder_ / "run.yaml", std::ios::app)
      << "broker: {url: 'amqps://boss@main.example.org', password_file: p, ca_file: '" + at("trusted.pem") +
             "'}\n";
  const std::string before = text_of(secrets / "broker.pem");
  ProgramOutput said = setup("dome-1", "");
  ASSERT_EQ(said.exit_code, 0) << said.text;
  EXPECT_EQ(text_of(secrets / "broker.pem"), before);
  std::string file = text_of(at("dome-1.yaml"));
  EXPECT_THAT(file, HasSubstr("cert_file: join:worker.pem"));
  EXPECT_THAT(file, HasSubstr("key_file: join:worker.key"));
  EXPECT_THAT(file, HasSubstr("-----BEGIN PRIVATE KEY-----"));

  std::ofstream(folder_ / "trusted.pem") << "another authority\n";
  said = setup("dome-1", "");
  ASSERT_EQ(said.exit_code, 0) << said.text;
  file = text_of(at("dome-1.yaml"));
  EXPECT_THAT(file, HasSubstr("another authority"));
  EXPECT_THAT(file, Not(HasSubstr("worker.pem")));
}

TEST_F(Join, WhatCannotWorkIsRefusedAtOnce) {
  EXPECT_THAT(setup("barn-1", "").text, HasSubstr("--address"));
  EXPECT_THAT(setup("barn/1").text, HasSubstr("is no name of a worker"));
  EXPECT_EQ(setup("barn-1", " --address 'a b,c'").exit_code, 2);
  std::ofstream(at("barn-1.yaml")) << "precious\n";
  EXPECT_THAT(setup("barn-1").text, HasSubstr("is no join file"));
  EXPECT_EQ(text_of(at("barn-1.yaml")), "precious\n");
}

}  // namespace
}  // namespace tilecompile
