#include "amqp_tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <memory>

namespace tilecompile {
namespace {

constexpr int kListen_s = 2;
constexpr unsigned kNap_ms = 50;

/// What the handshake found about the broker's certificate.
struct Findings {
  int error = X509_V_OK;
  std::string subject, issuer, not_before, not_after;
};

bool is_address(const std::string& host) {
  unsigned char bytes[sizeof(in6_addr)];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

bool is_loopback(const std::string& host) {
  in_addr four{};
  if (inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  in6_addr six{};
  if (inet_pton(AF_INET6, host.c_str(), &six) == 1) return IN6_IS_ADDR_LOOPBACK(&six);
  return host == "localhost";
}

std::string name_text(const X509_NAME* name) {
  char text[256] = "";
  X509_NAME_oneline(name, text, sizeof text);
  return text;
}

std::string time_text(const ASN1_TIME* time) {
  const std::unique_ptr<BIO, int (*)(BIO*)> memory(BIO_new(BIO_s_mem()), BIO_free);
  if (!memory || ASN1_TIME_print(memory.get(), time) != 1) return "?";
  char* text = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

// The library only says "failed"; what failed is known here and nowhere else.
int note_verdict(int accepted, X509_STORE_CTX* store) {
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* findings = static_cast<Findings*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (accepted == 1 || findings == nullptr || findings->error != X509_V_OK) return accepted;
  findings->error = X509_STORE_CTX_get_error(store);
  if (const X509* certificate = X509_STORE_CTX_get_current_cert(store)) {
    findings->subject = name_text(X509_get_subject_name(certificate));
    findings->issuer = name_text(X509_get_issuer_name(certificate));
    findings->not_before = time_text(X509_get0_notBefore(certificate));
    findings->not_after = time_text(X509_get0_notAfter(certificate));
  }
  return accepted;
}

std::string last_library_reason() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  return reason == nullptr ? "no reason given" : reason;
}

// A key with a passphrase is an error, never a question on somebody's terminal.
int no_passphrase(char*, int, int, void*) { return 0; }

void load_files(SSL_CTX* context, const TlsOptions& tls) {
  ERR_clear_error();
  if (!tls.verify) {
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  } else if (tls.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (SSL_CTX_load_verify_locations(context, tls.ca_file.c_str(), nullptr) != 1) {
    throw UsageError("cannot read authorities from broker.ca_file '" + tls.ca_file +
                     "': " + last_library_reason() + "; it must be a readable PEM file of certificates");
  }
  if (tls.cert_file.empty() && tls.key_file.empty()) return;
  if (tls.cert_file.empty() || tls.key_file.empty()) {
    throw UsageError("broker.cert_file and broker.key_file belong together: give both or none");
  }
  SSL_CTX_set_default_passwd_cb(context, no_passphrase);
  if (SSL_CTX_use_certificate_chain_file(context, tls.cert_file.c_str()) != 1) {
    throw UsageError("cannot read our certificate from broker.cert_file '" + tls.cert_file +
                     "': " + last_library_reason() + "; it must be a readable PEM file");
  }
  if (SSL_CTX_use_PrivateKey_file(context, tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    throw UsageError("cannot use the key in broker.key_file '" + tls.key_file +
                     "': " + last_library_reason() +
                     "; it must be a readable PEM file without a passphrase and belong to broker.cert_file");
  }
}

/// The library compares names only; addresses in a certificate are matched by OpenSSL, so both are.
void expect_host(SSL_CTX* context, const std::string& host) {
  X509_VERIFY_PARAM* expected = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int set = is_address(host) ? X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str())
                                   : X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
  if (set != 1) throw UsageError("broker.host '" + host + "' is neither a host name nor an address");
}

[[noreturn]] void throw_untrusted(const AmqpOptions& options, const Findings& found) {
  const std::string start = "the certificate of the broker at " + broker_address(options) + " is refused: ";
  const std::string ca = options.tls.ca_file.empty() ? "the system's authorities" : options.tls.ca_file;
  switch (found.error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      throw UsageError(start + "it expired on " + found.not_after +
                       "; renew it on the broker, or set the clock");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      throw UsageError(start + "it is valid only from " + found.not_before +
                       "; check the clocks of both hosts");
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      throw UsageError(start + "it is for another host (" + found.subject + "), not for '" + options.host +
                       "'; use the name it was made for in broker.host, or make one whose subjectAltName "
                       "holds this host");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      throw UsageError(start + "no authority in " + ca + " vouches for it (issuer " + found.issuer +
                       "); set broker.ca_file to the certificate of the authority that signed it");
    default:
      throw UsageError(start + X509_verify_cert_error_string(found.error) + " (" + found.subject +
                       "); check the broker's ssl_options and broker.ca_file");
  }
}

}  // namespace

std::string broker_address(const AmqpOptions& options) {
  return options.host + ":" + std::to_string(options.port);
}

void check_plaintext(const AmqpOptions& options) {
  if (options.external_login && (!options.tls.enabled || options.tls.cert_file.empty())) {
    throw UsageError(
        "broker.auth: external is a login by certificate: it needs broker.tls: true, "
        "broker.cert_file and broker.key_file");
  }
  if (options.tls.enabled || options.allow_plaintext || is_loopback(options.host)) return;
  throw UsageError("the broker at " + broker_address(options) +
                   " is another host and the connection would not be encrypted: passwords and tasks could be "
                   "read and changed on the way. Set broker.tls: true, or broker.allow_plaintext: true when "
                   "the network itself is trusted (a tunnel, a container network)");
}

int open_tls_socket(amqp_connection_state_t state, const AmqpOptions& options, timeval limit) {
  amqp_socket_t* socket = amqp_ssl_socket_new(state);
  if (socket == nullptr) throw LinkDown("no memory for a socket", 0);
  auto* context = static_cast<SSL_CTX*>(amqp_ssl_socket_get_context(socket));
  amqp_ssl_socket_set_verify_hostname(socket, 0);  // done by OpenSSL, which knows addresses too
  amqp_ssl_socket_set_verify_peer(socket, options.tls.verify);
  amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST);
  load_files(context, options.tls);
  Findings findings;
  if (options.tls.verify) {
    expect_host(context, options.host);
    SSL_CTX_set_app_data(context, &findings);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_verdict);
  }
  ERR_clear_error();
  const int status = amqp_socket_open_noblock(socket, options.host.c_str(), options.port, &limit);
  SSL_CTX_set_app_data(context, nullptr);
  if (findings.error != X509_V_OK) throw_untrusted(options, findings);
  if (status == AMQP_STATUS_OK) return status;
  throw_if_certificate_refused(options);
  const std::string reason = last_library_reason();
  if (reason == "wrong version number" || reason == "packet length too long") {
    throw UsageError("the broker at " + broker_address(options) +
                     " speaks no TLS on this port: check broker.port (usually 5671) and its listeners.ssl");
  }
  // An older broker's alert says so; one of today answers with its own version, which our side refuses.
  if (reason.find("protocol version") != std::string::npos || reason == "unsupported protocol") {
    throw UsageError("the broker at " + broker_address(options) +
                     " speaks only TLS older than 1.2: allow tlsv1.2 or tlsv1.3 in its ssl_options.versions");
  }
  return status;
}

void throw_if_certificate_refused(const AmqpOptions& options) {
  const std::string reason = last_library_reason();
  const bool about_us =
      reason.find("alert") != std::string::npos &&
      (reason.find("certificate") != std::string::npos || reason.find("unknown ca") != std::string::npos ||
       reason.find("handshake failure") != std::string::npos);
  if (!about_us) return;
  const std::string ours = options.tls.cert_file.empty()
                               ? "none was given: set broker.cert_file and broker.key_file"
                               : "it got " + options.tls.cert_file +
                                     ": check its dates and that an authority the broker trusts signed it";
  throw UsageError("the broker at " + broker_address(options) + " refused our certificate (" + reason +
                   "); " + ours);
}

void throw_if_certificate_refused_on_listening(const AmqpOptions& options) {
  const std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) return;
  load_files(context.get(), options.tls);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);  // nothing is sent, and nothing believed
  const std::unique_ptr<BIO, void (*)(BIO*)> link(BIO_new_ssl_connect(context.get()), BIO_free_all);
  if (!link) return;
  BIO_set_conn_hostname(link.get(), options.host.c_str());
  BIO_set_conn_port(link.get(), std::to_string(options.port).c_str());
  ERR_clear_error();
  const std::time_t end = std::time(nullptr) + kListen_s;
  if (BIO_do_connect_retry(link.get(), kListen_s, kNap_ms) == 1) {
    char byte = 0;
    while (BIO_read(link.get(), &byte, 1) <= 0 && BIO_should_retry(link.get()) &&
           BIO_wait(link.get(), end, kNap_ms) == 1) {
    }
  }
  throw_if_certificate_refused(options);
}

}  // namespace tilecompile
