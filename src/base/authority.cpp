#include "tilecompile/base/authority.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <memory>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr long kDay_s = 86400, kAuthorityDays = 3650, kCertificateDays = 825;
constexpr int kSerialBytes = 16;

template <auto kFree>
struct Freed {
  template <class T>
  void operator()(T* p) const {
    kFree(p);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Text = std::unique_ptr<BIO, Freed<BIO_free_all>>;

void require(bool good) {
  if (!good) throw ContractError("making a certificate: OpenSSL refuses");
}

std::string text_of(const Text& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

KeyedCertificate as_pem(const Certificate& certificate, const Key& key) {
  const Text first(BIO_new(BIO_s_mem())), second(BIO_new(BIO_s_mem()));
  require(PEM_write_bio_X509(first.get(), certificate.get()) == 1);
  require(PEM_write_bio_PKCS8PrivateKey(second.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return {text_of(first), text_of(second)};
}

void set_random_serial(X509* certificate) {
  unsigned char bytes[kSerialBytes];
  require(RAND_bytes(bytes, kSerialBytes) == 1);
  bytes[0] &= 0x7f;
  const std::unique_ptr<BIGNUM, Freed<BN_free>> number(BN_bin2bn(bytes, kSerialBytes, nullptr));
  require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>> extension(
      X509V3_EXT_nconf_nid(nullptr, &context, kind, value.c_str()));
  if (!extension) throw UsageError("a certificate cannot be for '" + value + "': name hosts or addresses");
  require(X509_add_ext(certificate, extension.get(), -1) == 1);
}

// A certificate that only lacks its extensions and its signature. An hour back, for clocks that are late.
Certificate unsigned_certificate(const Key& key, const std::string& common_name, long days) {
  Certificate certificate(X509_new());
  X509* const c = certificate.get();
  require(X509_set_version(c, 2) == 1);
  set_random_serial(c);
  require(X509_gmtime_adj(X509_getm_notBefore(c), -3600) != nullptr);
  require(X509_gmtime_adj(X509_getm_notAfter(c), days * kDay_s) != nullptr);
  require(X509_set_pubkey(c, key.get()) == 1);
  require(X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                                     0) == 1);
  return certificate;
}

std::string alternatives(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    const bool address =
        name.find(':') != std::string::npos || name.find_first_not_of("0123456789.") == std::string::npos;
    text += (text.empty() ? "" : ",") + std::string(address ? "IP:" : "DNS:") + name;
  }
  return text;
}

}  // namespace

KeyedCertificate make_authority(const std::string& common_name) {
  const Key key(EVP_EC_gen("P-256"));
  require(key != nullptr);
  const Certificate certificate = unsigned_certificate(key, common_name, kAuthorityDays);
  X509* const c = certificate.get();
  require(X509_set_issuer_name(c, X509_get_subject_name(c)) == 1);
  extend(c, c, NID_basic_constraints, "critical,CA:TRUE");
  extend(c, c, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(c, c, NID_subject_key_identifier, "hash");
  require(X509_sign(c, key.get(), EVP_sha256()) > 0);
  return as_pem(certificate, key);
}

KeyedCertificate issue_certificate(const KeyedCertificate& authority, const std::string& common_name,
                                   const std::vector<std::string>& names) {
  const Text first(
      BIO_new_mem_buf(authority.certificate_pem.data(), static_cast<int>(authority.certificate_pem.size())));
  const Text second(BIO_new_mem_buf(authority.key_pem.data(), static_cast<int>(authority.key_pem.size())));
  const Certificate issuer(PEM_read_bio_X509(first.get(), nullptr, nullptr, nullptr));
  const Key issuer_key(PEM_read_bio_PrivateKey(second.get(), nullptr, nullptr, nullptr));
  if (!issuer || !issuer_key || X509_check_private_key(issuer.get(), issuer_key.get()) != 1)
    throw UsageError(
        "the authority that issues certificates is damaged: bring its certificate and key back, or "
        "delete both, and all hosts get new certificates");
  const Key key(EVP_EC_gen("P-256"));
  require(key != nullptr);
  const Certificate certificate = unsigned_certificate(key, common_name, kCertificateDays);
  X509* const c = certificate.get();
  require(X509_set_issuer_name(c, X509_get_subject_name(issuer.get())) == 1);
  extend(c, issuer.get(), NID_basic_constraints, "CA:FALSE");
  extend(c, issuer.get(), NID_ext_key_usage, names.empty() ? "clientAuth" : "serverAuth");
  if (!names.empty()) extend(c, issuer.get(), NID_subject_alt_name, alternatives(names));
  extend(c, issuer.get(), NID_authority_key_identifier, "keyid");
  require(X509_sign(c, issuer_key.get(), EVP_sha256()) > 0);
  return as_pem(certificate, key);
}

}  // namespace tilecompile
