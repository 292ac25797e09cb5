#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/certificates.hpp"
#include "broker/private_broker.hpp"
#include "faulty_proxy.hpp"
#include "test_data.hpp"
#include "tilecompile/broker/transport.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* kTlsConf = R"(
listeners.ssl.1 = 127.0.0.1:@TLS_PORT@
ssl_options.cacertfile = @DIR@/ca.pem
ssl_options.certfile = @DIR@/server.pem
ssl_options.keyfile = @DIR@/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
auth_mechanisms.1 = EXTERNAL
auth_mechanisms.2 = PLAIN
ssl_cert_login_from = common_name
)";

QueueSpec queue(const std::string& name) {
  QueueSpec spec;
  spec.name = name;
  return spec;
}

Message message(std::string body) {
  Message made;
  made.body = std::move(body);
  return made;
}

/// A broker that speaks TLS, asks for client certificates and takes logins by certificate.
class AmqpTls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PrivateBroker::installed()) return;
    folder_ = new TempDir();
    certs_ = new Certificates(folder_->path());
    certs_->authority("ca");
    certs_->authority("rogue-ca");
    const std::string here = "DNS:localhost,IP:127.0.0.1";
    certs_->leaf("ca", "good", "localhost", here);
    certs_->leaf("ca", "other-host", "other.example", "DNS:other.example,IP:127.0.0.9");
    certs_->leaf("ca", "expired", "localhost", here, kLongAgo);
    certs_->leaf("ca", "too-early", "localhost", here, kFarAhead);
    certs_->leaf("ca", "worker", "worker1", "");
    certs_->leaf("ca", "stranger", "nobody-knows-me", "");
    certs_->leaf("ca", "expired-worker", "worker1", "", kLongAgo);
    certs_->leaf("rogue-ca", "rogue", "worker1", "");
    certs_->copy("good", "server");
    broker_ = new PrivateBroker(conf({"tlsv1.3", "tlsv1.2"}), "rabbitmq_auth_mechanism_ssl");
    broker_->ctl("add_user worker1 unused");
    broker_->ctl("clear_password worker1");
    broker_->ctl("set_permissions worker1 '.*' '.*' '.*'");
  }
  static void TearDownTestSuite() {
    delete broker_;
    delete certs_;
    delete folder_;
  }
  void SetUp() override { TILECOMPILE_NEEDS_RABBITMQ }

  /// rabbitmq.conf of a broker that speaks these versions of TLS.
  static std::string conf(const std::vector<std::string>& versions) {
    std::string text = kTlsConf;
    for (std::size_t at; (at = text.find("@DIR@")) != std::string::npos;)
      text.replace(at, 5, folder_->path().string());
    for (std::size_t i = 0; i < versions.size(); ++i)
      text += "ssl_options.versions." + std::to_string(i + 1) + " = " + versions[i] + "\n";
    return text;
  }
  static AmqpOptions options() {
    AmqpOptions options;
    options.host = "localhost";
    options.port = broker_->tls_port();
    options.password = "guest";
    options.tls.enabled = true;
    options.tls.ca_file = certs_->pem("ca");
    present(options, "worker");
    return options;
  }
  static void present(AmqpOptions& options, const std::string& name) {
    options.tls.cert_file = certs_->pem(name);
    options.tls.key_file = certs_->key(name);
  }
  /// From now on the broker shows this certificate.
  static void serve(const std::string& name) {
    certs_->copy(name, "server");
    broker_->ctl("eval 'ssl:clear_pem_cache().'");
  }

  /// A message goes there and back.
  static void expect_works(const AmqpOptions& options, std::size_t bytes = 100) {
    const auto party = connect_amqp(options);
    party->declare(queue("tls.test"));
    party->consume("tls.test", 10);
    const std::string body(bytes, 'x');
    party->publish("", "tls.test", message(body)).get();
    const auto back = party->receive(20s);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->message.body, body);
    party->ack(back->tag);
    party->close();
  }
  /// The kind and text of what stands in the way; printed as one row of the matrix.
  template <class Kind>
  static std::string refusal(const std::string& what, const AmqpOptions& options) {
    try {
      connect_amqp(options);
    } catch (const Kind& error) {
      std::printf("  %-34s exit %d  %s\n", what.c_str(), exit_code(error.kind()), error.what());
      return error.what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << what << " is of another kind: " << error.what();
      return error.what();
    }
    ADD_FAILURE() << what << " was not refused";
    return "";
  }

  static constexpr const char* kLongAgo = "-startdate 20200101000000Z -enddate 20210101000000Z";
  static constexpr const char* kFarAhead = "-startdate 20900101000000Z -enddate 20910101000000Z";
  static inline TempDir* folder_ = nullptr;
  static inline Certificates* certs_ = nullptr;
  static inline PrivateBroker* broker_ = nullptr;
};

TEST_F(AmqpTls, CarriesMessagesByNameAndByAddress) {
  AmqpOptions by_address = options();
  by_address.host = "127.0.0.1";
  expect_works(options());
  expect_works(by_address);
  expect_works(options(), 5u << 20);
}

TEST_F(AmqpTls, LogsInByCertificateAlone) {
  AmqpOptions external = options();
  external.external_login = true;
  external.user = "whatever";
  external.password = "";
  expect_works(external);
  present(external, "stranger");
  EXPECT_THAT(refusal<UsageError>("certificate of no user", external), HasSubstr("has no user of the name"));
}

TEST_F(AmqpTls, TheBrokersCertificateIsCheckedByAuthorityDateAndHost) {
  AmqpOptions wrong_ca = options(), by_address = options();
  wrong_ca.tls.ca_file = certs_->pem("rogue-ca");
  by_address.host = "127.0.0.1";
  EXPECT_THAT(refusal<UsageError>("wrong authority", wrong_ca), HasSubstr("no authority in"));
  AmqpOptions system_ca = options();
  system_ca.tls.ca_file = "";
  EXPECT_THAT(refusal<UsageError>("only the system's authorities", system_ca), HasSubstr("broker.ca_file"));
  serve("other-host");
  EXPECT_THAT(refusal<UsageError>("another host's name", options()), HasSubstr("it is for another host"));
  EXPECT_THAT(refusal<UsageError>("another host's address", by_address), HasSubstr("not for '127.0.0.1'"));
  AmqpOptions unchecked = options();
  unchecked.tls.verify = false;
  expect_works(unchecked);
  serve("expired");
  EXPECT_THAT(refusal<UsageError>("expired", options()), HasSubstr("it expired on Jan  1 00:00:00 2021"));
  serve("too-early");
  EXPECT_THAT(refusal<UsageError>("not yet valid", options()), HasSubstr("valid only from Jan  1"));
  serve("good");
  expect_works(options());
}

TEST_F(AmqpTls, TheBrokerChecksOurs) {
  AmqpOptions client = options();
  client.tls.cert_file = client.tls.key_file = "";
  EXPECT_THAT(refusal<UsageError>("no client certificate", client), HasSubstr("none was given"));
  present(client, "rogue");
  EXPECT_THAT(refusal<UsageError>("client of a rogue authority", client),
              HasSubstr("refused our certificate"));
  present(client, "expired-worker");
  EXPECT_THAT(refusal<UsageError>("expired client certificate", client),
              HasSubstr("refused our certificate"));
  AmqpOptions password = options();
  password.password = "not-the-one";
  const std::string text = refusal<UsageError>("wrong password", password);
  EXPECT_THAT(text, HasSubstr("user 'guest'"));
  EXPECT_THAT(text, testing::Not(HasSubstr("not-the-one")));
}

// A broker under load closes before its alert is read.
TEST_F(AmqpTls, ARefusalThatWasLostIsListenedForOnceMore) {
  FaultyProxy proxy(broker_->tls_port());
  proxy.next({FaultyProxy::Fault::kDropSecondAnswer});
  AmqpOptions client = options();
  client.port = proxy.port();
  present(client, "rogue");
  EXPECT_THAT(refusal<UsageError>("the same, its alert lost on the way", client),
              HasSubstr("refused our certificate"));
  EXPECT_EQ(proxy.accepted(), 2);
}

TEST_F(AmqpTls, FilesThatCannotBeUsedAreNamed) {
  AmqpOptions client = options();
  client.tls.ca_file = "/nowhere/ca.pem";
  EXPECT_THAT(refusal<UsageError>("no such authority file", client), HasSubstr("broker.ca_file '/nowhere"));
  client = options();
  client.tls.cert_file = client.tls.ca_file;
  EXPECT_THAT(refusal<UsageError>("key of another certificate", client), HasSubstr("broker.key_file"));
  client = options();
  client.tls.key_file = "";
  EXPECT_THAT(refusal<UsageError>("certificate without key", client), HasSubstr("belong together"));
  client = options();
  const std::string locked = (folder_->path() / "locked.key").string();
  const std::string command =
      "openssl pkcs8 -topk8 -passout pass:secret -in '" + certs_->key("worker") + "' -out '" + locked + "'";
  ASSERT_EQ(std::system(command.c_str()), 0);
  client.tls.key_file = locked;
  EXPECT_THAT(refusal<UsageError>("key with a passphrase", client), HasSubstr("without a passphrase"));
}

TEST_F(AmqpTls, ThePlainAndTheTlsPortAreToldApart) {
  AmqpOptions wrong = options();
  wrong.port = broker_->port();
  EXPECT_THAT(refusal<UsageError>("TLS to the plain port", wrong), HasSubstr("speaks no TLS"));
  wrong = options();
  wrong.tls.enabled = false;
  wrong.connect_timeout_s = 1;
  EXPECT_THAT(refusal<TransientError>("plain to the TLS port", wrong), HasSubstr("broker.tls: true"));
}

TEST_F(AmqpTls, ABrokerOfOneVersionIsUsedFrom12OnAndRefusedBelow) {
  for (const char* version : {"tlsv1.1", "tlsv1.2", "tlsv1.3"}) {
    const PrivateBroker broker(conf({version}), "rabbitmq_auth_mechanism_ssl");
    AmqpOptions client = options();
    client.port = broker.tls_port();
    if (version != std::string("tlsv1.1")) {
      expect_works(client);
      client.tls.cert_file = client.tls.key_file = "";
      EXPECT_THAT(refusal<UsageError>(version + std::string(" only, no certificate"), client),
                  HasSubstr("none was given"));
      continue;
    }
    // It does speak TLS, to those who take less.
    const std::string old = "openssl s_client -connect localhost:" + std::to_string(client.port) +
                            " -tls1_1 -cipher ALL:@SECLEVEL=0 -cert '" + client.tls.cert_file + "' -key '" +
                            client.tls.key_file + "' < /dev/null 2>&1 | grep -q 'Protocol  *: TLSv1.1'";
    EXPECT_EQ(std::system(old.c_str()), 0) << old;
    EXPECT_THAT(refusal<UsageError>("TLS 1.1 only", client), HasSubstr("speaks only TLS older than 1.2"));
    client.tls.verify = false;
    EXPECT_THAT(refusal<UsageError>("TLS 1.1 only, unverified", client), HasSubstr("older than 1.2"));
  }
}

TEST_F(AmqpTls, AServerThatAnswersInAnOlderVersionIsNamed) {
  const auto close = [](FILE* pipe) { pclose(pipe); };
  const std::string serve =
      "exec timeout 60 openssl s_server -accept 127.0.0.1:0 -naccept 1 -www -tls1_1 -cipher ALL:@SECLEVEL=0"
      " -cert '" +
      certs_->pem("good") + "' -key '" + certs_->key("good") + "' < /dev/null 2>&1";
  const std::unique_ptr<FILE, decltype(close)> server(popen(serve.c_str(), "r"), close);
  std::array<char, 200> line{};
  AmqpOptions client = options();
  client.port = 0;
  while (client.port == 0 && std::fgets(line.data(), line.size(), server.get()) != nullptr)
    std::sscanf(line.data(), "ACCEPT 127.0.0.1:%d", &client.port);
  ASSERT_NE(client.port, 0) << serve;
  EXPECT_THAT(refusal<UsageError>("answers in TLS 1.1", client), HasSubstr("speaks only TLS older than 1.2"));
}

TEST_F(AmqpTls, ALoginThatTheBrokerDoesNotOfferIsRefused) {
  std::string passwords_only = conf({"tlsv1.3"});
  const std::string external = "auth_mechanisms.1 = EXTERNAL\nauth_mechanisms.2";
  passwords_only.replace(passwords_only.find(external), external.size(), "auth_mechanisms.1");
  const PrivateBroker broker(passwords_only);
  AmqpOptions client = options();
  client.port = broker.tls_port();
  expect_works(client);
  client.external_login = true;
  EXPECT_THAT(refusal<UsageError>("login not offered", client),
              HasSubstr("it offers none by certificate (SASL EXTERNAL)"));
}

TEST_F(AmqpTls, PlainTextStaysOnThisHostUnlessAllowed) {
  AmqpOptions plain;
  for (const char* host : {"192.0.2.1", "broker.example.org", "127.0.0.1.example.org", "::2"}) {
    plain.host = host;
    EXPECT_THAT(refusal<UsageError>(std::string("plain to ") + host, plain),
                HasSubstr("broker.allow_plaintext"));
  }
  plain.host = "127.0.0.1";
  plain.port = broker_->port();
  plain.password = "guest";
  plain.external_login = true;
  EXPECT_THAT(refusal<UsageError>("login by certificate without TLS", plain), HasSubstr("broker.cert_file"));
  plain.external_login = false;
  for (const char* host : {"127.0.0.1", "localhost"}) {
    plain.host = host;
    expect_works(plain);
  }
}

TEST_F(AmqpTls, ComesBackAfterABrokerThatDied) {
  const auto party = connect_amqp(options());
  party->declare(queue("tls.durable"));
  party->publish("", "tls.durable", message("before")).get();
  broker_->kill9();
  auto confirmed = party->publish("", "tls.durable", message("after"));
  broker_->start();
  confirmed.get();
  const auto state = party->inspect("tls.durable");
  ASSERT_TRUE(state.has_value());
  EXPECT_GE(state->messages, 2u);  // a repeated one is allowed, a lost one is not
  party->close();
}

}  // namespace
}  // namespace tilecompile
