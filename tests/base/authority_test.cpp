#include "tilecompile/base/authority.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

using testing::HasSubstr;

std::string output_of(const std::string& command) {
  std::FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::string text;
  char buffer[512];
  while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) text += buffer;
  if (pipe != nullptr) pclose(pipe);
  return text;
}

// OpenSSL's own program says what it thinks of them.
TEST(Authority, ItsCertificatesAreWhatTheyShallBe) {
  TempDir dir;
  const KeyedCertificate authority = make_authority("our observatory");
  const KeyedCertificate server =
      issue_certificate(authority, "broker", {"main.example.org", "100.64.0.1", "fd00::7"});
  const KeyedCertificate client = issue_certificate(authority, "barn-1", {});
  std::ofstream(dir / "ca.pem") << authority.certificate_pem;
  std::ofstream(dir / "server.pem") << server.certificate_pem;
  std::ofstream(dir / "client.pem") << client.certificate_pem;
  if (output_of("openssl version").find("OpenSSL") != 0) GTEST_SKIP() << "no openssl";
  const std::string verify = "cd " + dir.path().string() + " && openssl verify -x509_strict -CAfile ca.pem ";
  EXPECT_EQ(output_of(verify + "-purpose sslserver -verify_hostname main.example.org server.pem"),
            "server.pem: OK\n");
  EXPECT_EQ(output_of(verify + "-purpose sslserver -verify_ip 100.64.0.1 server.pem"), "server.pem: OK\n");
  EXPECT_EQ(output_of(verify + "-purpose sslserver -verify_ip fd00::7 server.pem"), "server.pem: OK\n");
  EXPECT_THAT(output_of(verify + "-purpose sslserver -verify_hostname other.org server.pem"),
              HasSubstr("mismatch"));
  EXPECT_EQ(output_of(verify + "-purpose sslclient client.pem"), "client.pem: OK\n");
  EXPECT_THAT(output_of(verify + "-purpose sslserver client.pem"),
              HasSubstr("unsuitable certificate purpose"));
  EXPECT_THAT(output_of("openssl x509 -noout -subject -in " + (dir / "client.pem").string()),
              HasSubstr("barn-1"));
}

TEST(Authority, ADamagedAuthorityIssuesNothing) {
  const KeyedCertificate one = make_authority("one"), other = make_authority("other");
  EXPECT_THROW(issue_certificate({one.certificate_pem, other.key_pem}, "x", {}), UsageError);
  EXPECT_THROW(issue_certificate({"", one.key_pem}, "x", {}), UsageError);
  EXPECT_THROW(issue_certificate(one, "x", {"two words,DNS:evil\n"}), UsageError);
}

}  // namespace
}  // namespace tilecompile
