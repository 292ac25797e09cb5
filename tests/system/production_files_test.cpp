// The files of docker/ for production without containers: what docker/make-secrets.sh makes,
// docker/rabbitmq.conf and docker/main.run.yaml.example with the paths of this test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "broker/private_broker.hpp"
#include "hand_worker.hpp"
#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;
using Words = std::vector<std::pair<std::string, std::string>>;

/// The text of a file of docker/ with `from` replaced by `to`, each of which must be there.
std::string docker_file(const std::string& name, const Words& words) {
  std::string text = file_text(fs::path(source_dir()) / "docker" / name);
  for (const auto& [from, to] : words) {
    EXPECT_THAT(text, HasSubstr(from)) << name;
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
  }
  return text;
}

/// File -> its text, below `folder`.
std::map<std::string, std::string> texts_below(const fs::path& folder) {
  std::map<std::string, std::string> texts;
  for (const auto& item : fs::recursive_directory_iterator(folder))
    if (item.is_regular_file()) texts[fs::relative(item.path(), folder).string()] = file_text(item.path());
  return texts;
}

TEST(ProductionFiles, MakeARunOverTlsWithTheBitsOfTheReferenceRun) {
  TILECOMPILE_NEEDS_RABBITMQ
  TempDir folder;
  const std::string data = (folder / "data").string(), secrets = (folder / "secrets").string(),
                    out = (folder / "out").string();
  for (const std::string& one : {data + "/tiles", out}) fs::create_directories(one);
  const auto made = run_program("simulate '" + data +
                                "' --frames 24 --width 500 --height 300 --stars 100 --drift 10 --seed 8");
  ASSERT_EQ(made.exit_code, 0) << made.text;
  const fs::path run_yaml = folder / "run.yaml";
  const std::string run_text = docker_file("main.run.yaml.example", {{"/data/", data + "/"},
                                                                     {"dir: /out", "dir: " + out},
                                                                     {"/secrets/", secrets + "/master/"},
                                                                     {"host: rabbitmq", "host: localhost"}});
  std::ofstream(run_yaml) << run_text;
  const std::string make = std::string("TILECOMPILE='") + program_path() + "' '" + source_dir() +
                           "/docker/make-secrets.sh' '" + secrets + "' '" + run_yaml.string() +
                           "' localhost 127.0.0.1";
  const auto first = run_shell(make);
  ASSERT_EQ(first.exit_code, 0) << first.text;
  EXPECT_THAT(first.text, HasSubstr("DNS:rabbitmq,DNS:localhost,IP:127.0.0.1"));

  const PrivateBroker broker(
      docker_file("rabbitmq.conf", {{"/etc/rabbitmq/tilecompile", secrets + "/broker"},
                                    {"listeners.ssl.1 = 5671", "listeners.ssl.1 = 127.0.0.1:@TLS_PORT@"}}));
  const std::string port = std::to_string(broker.tls_port()), worker = secrets + "/worker";
  const auto listens = [](const std::string& where) {
    return run_shell("bash -c 'exec 3<> /dev/tcp/127.0.0.1/" + where + "'").exit_code == 0;
  };
  EXPECT_TRUE(listens(port));
  EXPECT_FALSE(listens(std::to_string(broker.port()))) << "the broker takes plain text too";
  const std::string place = "--input.dir '" + data + "/frames' --storage.root '" + data +
                            "/tiles' --broker.host localhost --broker.port " + port +
                            " --broker.tls true --broker.user tilecompile-worker --broker.ca_file '" +
                            worker + "/ca.pem' --broker.password_file '" + worker +
                            "/password' --broker.message_key_file '" + worker + "/message-key'";
  const auto bare = run_program("worker " + place);
  EXPECT_EQ(bare.exit_code, 2) << bare.text;
  EXPECT_THAT(bare.text, HasSubstr("refused our certificate"));
  HandWorker barn(
      folder.path(), "barn-1",
      place + " --broker.cert_file '" + worker + "/cert.pem' --broker.key_file '" + worker + "/key.pem'");
  const std::string flags = " '" + run_yaml.string() + "' --set broker.port=" + port;
  const auto verified = run_program("verify" + flags + " --set 'workers=[{id: barn-1}]'");
  EXPECT_EQ(verified.exit_code, 0) << verified.text << barn.text();

  const std::string id = new_uuid(), alone = new_uuid();
  const auto reference = run_program("run" + flags + " --quiet --run-id " + alone);
  EXPECT_EQ(reference.exit_code, 0) << reference.text;
  const auto ended = run_program("master" + flags + " --quiet --run-id " + id);
  EXPECT_EQ(ended.exit_code, 0) << ended.text << barn.text();
  EXPECT_EQ(product_digests(fs::path(out) / id), product_digests(fs::path(out) / alone));

  // Renewing keeps what hosts know, and makes new certificates that fit the old authority.
  const auto before = texts_below(secrets);
  std::ofstream(fs::path(secrets) / "master/message-key", std::ios::app)
      << std::string(64, 'a') << " = barn-9\n";  // of a join file: no other worker gets to know it
  const auto again = run_shell(make);
  EXPECT_EQ(again.exit_code, 0) << again.text;
  const auto after = texts_below(secrets);
  for (const char* kept : {"authority/ca.pem", "master/password", "worker/password", "worker/message-key",
                           "s3/s3-credentials", "worker/s3-credentials", "master/s3-ca.pem"})
    EXPECT_EQ(after.at(kept), before.at(kept)) << kept;
  for (const char* renewed : {"broker/cert.pem", "master/cert.pem", "worker/cert.pem", "s3/cert.pem"})
    EXPECT_NE(after.at(renewed), before.at(renewed)) << renewed;
  EXPECT_EQ(after.at("master/s3-credentials"), after.at("s3/s3-credentials"));
  EXPECT_THAT(after.at("master/message-key"), HasSubstr(" = barn-9"));
  EXPECT_THAT(
      run_shell("openssl verify -CAfile '" + secrets +
                "/worker/s3-ca.pem' -purpose sslserver -verify_hostname s3 '" + secrets + "/s3/cert.pem'")
          .text,
      HasSubstr("cert.pem: OK"));
  for (const char* secret :
       {"worker/password", "master/password", "master/message-key", "s3/s3-credentials"}) {
    EXPECT_THAT(after.at("broker/definitions.json"), Not(HasSubstr(after.at(secret).substr(0, 32))))
        << secret;
    EXPECT_EQ(fs::status(fs::path(secrets) / secret).permissions(),
              fs::perms::owner_read | fs::perms::owner_write)
        << secret;
  }
}

}  // namespace
}  // namespace tilecompile
