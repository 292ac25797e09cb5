#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tilecompile {

/// How every request of a client is made.
struct HttpSettings {
  std::string signing;            ///< provider of the signature, "aws:amz:REGION:s3"
  std::string user, password;     ///< access key and secret key that sign
  std::string ca_file;            ///< PEM file of the authorities to trust; empty: those of the system
  double connect_timeout_s = 10;  ///< connecting and TLS handshake
  double stall_timeout_s = 30;    ///< without a byte in either direction
};

struct HttpRequest {
  std::string method;  ///< GET, HEAD, PUT or DELETE
  std::string url;     ///< percent-encoded, query parameters in ascending order
  std::vector<std::string> headers;
  std::string_view body;
  /// Takes the body of a 2xx answer piece by piece; without it the body goes to the answer.
  std::function<void(std::string_view)> sink;
};

struct HttpAnswer {
  enum class Failure {
    kNone,
    kNetwork,      ///< may work later: no connection, dropped, timed out, shorter than announced
    kDamaged,      ///< the bytes are not what their checksum says; set by who knows the checksum
    kCertificate,  ///< the server's certificate is not trusted
    kSetup         ///< wrong address or unreadable CA file
  };
  Failure failure = Failure::kNone;
  std::string failure_text;
  int status = 0;                              ///< 0 with a failure
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  bool ok() const { return failure == Failure::kNone && status >= 200 && status < 300; }
};

/// Signed HTTP requests; keeps connections open between requests. Safe from several threads.
class HttpClient {
 public:
  explicit HttpClient(HttpSettings settings);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  /// One attempt; redirects are not followed. What the sink throws is thrown on.
  HttpAnswer send(const HttpRequest& request);

 private:
  HttpSettings settings_;
  std::mutex mutex_;
  std::vector<void*> idle_;
};

}  // namespace tilecompile
