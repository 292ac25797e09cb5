#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "broker/certificates.hpp"
#include "broker/private_broker.hpp"
#include "hand_worker.hpp"
#include "paths.hpp"
#include "program.hpp"
#include "test_data.hpp"
#include "tilecompile/base/uuid.hpp"

namespace tilecompile {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

/// A broker of the main server as docs/operating.md has it: users and queues from the definitions of `setup`,
/// no passwords, login by client certificate alone.
class Tls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    folder_ = new TempDir();
    const auto made = run_program("simulate --profile v2 '" + night() +
                                  "' --frames 24 --width 500 --height 300 --stars 100 --drift 10 --seed 8");
    ASSERT_EQ(made.exit_code, 0) << made.text;
    const fs::path definitions = *folder_ / "definitions.json";
    const auto printed = run_shell(std::string("'") + program_path() + "' setup '" + night() +
                                   "/run.yaml' --print-definitions > '" + definitions.string() + "'");
    ASSERT_EQ(printed.exit_code, 0) << printed.text;
    certs_ = new Certificates(*folder_ / "tls");
    certs_->authority("ca");
    certs_->leaf("ca", "server", "main", "DNS:localhost,IP:127.0.0.1");
    for (const char* role : {"master", "worker", "monitor"})
      certs_->leaf("ca", role, std::string("tilecompile-") + role, "");
    broker_ = new PrivateBroker("load_definitions = " + definitions.string() +
                                    "\nlisteners.ssl.1 = 127.0.0.1:@TLS_PORT@\nssl_options.cacertfile = " +
                                    certs_->pem("ca") + "\nssl_options.certfile = " + certs_->pem("server") +
                                    "\nssl_options.keyfile = " + certs_->key("server") + R"(
ssl_options.versions.1 = tlsv1.3
ssl_options.versions.2 = tlsv1.2
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
auth_mechanisms.1 = EXTERNAL
ssl_cert_login_from = common_name
)",
                                "rabbitmq_auth_mechanism_ssl");
  }
  static void TearDownTestSuite() {
    delete broker_;
    delete certs_;
    delete folder_;
  }
  void SetUp() override { TILECOMPILE_NEEDS_RABBITMQ }

  static std::string night() { return (*folder_ / "night").string(); }
  /// The connection of a role, as flags of a master or of a worker.
  static std::string login(const std::string& role, bool of_worker = false) {
    std::string flags;
    for (const auto& [key, value] :
         std::map<std::string, std::string>{{"host", "localhost"},
                                            {"port", std::to_string(broker_->tls_port())},
                                            {"tls", "true"},
                                            {"auth", "external"},
                                            {"ca_file", certs_->pem("ca")},
                                            {"cert_file", certs_->pem(role)},
                                            {"key_file", certs_->key(role)}})
      flags +=
          of_worker ? " --broker." + key + " '" + value + "'" : " --set 'broker." + key + "=" + value + "'";
    return flags;
  }

  static inline TempDir* folder_ = nullptr;
  static inline Certificates* certs_ = nullptr;
  static inline PrivateBroker* broker_ = nullptr;
};

TEST_F(Tls, ARunOverTlsWithCertificatesForLoginGivesTheBitsOfTheReferenceRun) {
  const std::string id = new_uuid(), alone = new_uuid();
  const fs::path output = *folder_ / "out", shared = *folder_ / "shared";
  for (const fs::path& one : {output, shared}) fs::create_directories(one);
  const std::string common = " '" + night() + "/run.yaml' --quiet --output '" + output.string() + "'";
  const auto reference = run_program("run" + common + " --run-id " + alone);
  ASSERT_EQ(reference.exit_code, 0) << reference.text;
  const std::string flags =
      "--input.dir '" + night() + "/frames' --storage.root '" + shared.string() + "'" + login("worker", true);
  HandWorker one(folder_->path(), "barn-1", flags), two(folder_->path(), "barn-2", flags);
  const std::string connections = broker_->ctl("list_connections -q user ssl ssl_protocol auth_mechanism");
  std::printf("%s", connections.c_str());
  EXPECT_THAT(connections,
              ContainsRegex("tilecompile-worker\ttrue\ttlsv1.3\tEXTERNAL\ntilecompile-worker\ttrue"));

  const std::string place = login("master") + " --set storage.root='" + shared.string() + "'";
  const auto verified = run_program("verify '" + night() + "/run.yaml'" + place + " --set output.dir='" +
                                    output.string() + "' --set 'workers=[{id: barn-1}, {id: barn-2}]'");
  EXPECT_EQ(verified.exit_code, 0) << verified.text;
  EXPECT_THAT(verified.text, ContainsRegex("ok    broker .*TLS, "));
  const auto ended = run_program("master" + common + " --run-id " + id + place);
  ASSERT_EQ(ended.exit_code, 0) << ended.text << one.text() << two.text();
  EXPECT_EQ(product_digests(output / id), product_digests(output / alone));
  for (const auto& [name, digest] : product_digests(output / id))
    std::printf("  %-16s %s over TLS and in one process\n", name.c_str(), digest.c_str());
}

TEST_F(Tls, ACertificateGivesTheRightsOfItsRoleOnly) {
  const std::string command = "setup '" + night() + "/run.yaml'";
  EXPECT_EQ(run_program(command + login("master")).exit_code, 0);
  for (const char* role : {"worker", "monitor"}) {
    const auto refused = run_program(command + login(role));
    EXPECT_EQ(refused.exit_code, 2) << refused.text;
    EXPECT_THAT(refused.text, HasSubstr("ACCESS_REFUSED"));
  }
  const auto plain = run_program(command + " --set broker.port=" + std::to_string(broker_->port()) +
                                 " --set broker.user=tilecompile-master");
  EXPECT_EQ(plain.exit_code, 2) << plain.text;
  EXPECT_THAT(plain.text, HasSubstr("it offers none by password (SASL PLAIN): set broker.auth: external"));
}

}  // namespace
}  // namespace tilecompile
