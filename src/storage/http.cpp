#include "http.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <exception>
#include <memory>
#include <utility>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

// The first libcurl that signs the headers x-amz-* too, as S3 asks.
constexpr unsigned kSigningCurl = 0x075800;  // 7.88

void check_library() {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK)
    throw TransientError(std::string("libcurl does not start: ") + curl_easy_strerror(ready));
  const curl_version_info_data* found = curl_version_info(CURLVERSION_NOW);
  if (LIBCURL_VERSION_NUM < kSigningCurl || found->version_num < kSigningCurl)
    throw UsageError(
        std::string("S3 needs libcurl 7.88 or newer, this program was built with " LIBCURL_VERSION
                    " and runs with ") +
        found->version + "; use storage.type: file and input.dir, or a newer system");
}

// What the callbacks of one request see. They are called from C: nothing may be thrown through them.
struct Exchange {
  CURL* handle = nullptr;
  const HttpRequest* request = nullptr;
  std::string_view unsent;
  HttpAnswer answer;
  std::exception_ptr thrown;
};

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view piece(data, size * count);
  try {
    long status = 0;
    curl_easy_getinfo(exchange.handle, CURLINFO_RESPONSE_CODE, &status);
    if (exchange.request->sink && status >= 200 && status < 300)
      exchange.request->sink(piece);
    else
      exchange.answer.body.append(piece);
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
  return piece.size();
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& exchange = *static_cast<Exchange*>(user);
  const std::string_view line(data, size * count);
  try {
    if (line.starts_with("HTTP/")) exchange.answer.headers.clear();  // after "100 Continue" comes the answer
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return line.size();
    std::string name(line.substr(0, colon));
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    const std::size_t begin = line.find_first_not_of(" \t", colon + 1);
    const std::size_t end = line.find_last_not_of(" \t\r\n");
    exchange.answer.headers[name] = begin == std::string_view::npos || end < begin
                                        ? ""
                                        : std::string(line.substr(begin, end - begin + 1));
  } catch (...) {
    exchange.thrown = std::current_exception();
    return 0;
  }
  return line.size();
}

std::size_t give_body(char* buffer, std::size_t size, std::size_t count, void* user) {
  std::string_view& unsent = static_cast<Exchange*>(user)->unsent;
  const std::size_t n = std::min(unsent.size(), size * count);
  std::memcpy(buffer, unsent.data(), n);
  unsent.remove_prefix(n);
  return n;
}

// Called when a reused connection turned out to be dead and the body has to be sent from its beginning.
int rewind_body(void* user, curl_off_t offset, int origin) {
  auto& exchange = *static_cast<Exchange*>(user);
  if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > exchange.request->body.size())
    return CURL_SEEKFUNC_FAIL;
  exchange.unsent = exchange.request->body.substr(static_cast<std::size_t>(offset));
  return CURL_SEEKFUNC_OK;
}

HttpAnswer::Failure failure_of(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpAnswer::Failure::kNone;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return HttpAnswer::Failure::kCertificate;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CACERT_BADFILE:
      return HttpAnswer::Failure::kSetup;
    default:
      return HttpAnswer::Failure::kNetwork;
  }
}

void set_method(CURL* handle, Exchange& exchange) {
  const HttpRequest& request = *exchange.request;
  if (request.method == "PUT") {
    exchange.unsent = request.body;
    curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, give_body);
    curl_easy_setopt(handle, CURLOPT_READDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, rewind_body);
    curl_easy_setopt(handle, CURLOPT_SEEKDATA, &exchange);
    curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  } else if (request.method == "HEAD") {
    curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
}

void set_common(CURL* handle, const HttpSettings& settings, Exchange& exchange) {
  curl_easy_setopt(handle, CURLOPT_URL, exchange.request->url.c_str());
#if LIBCURL_VERSION_NUM >= 0x075500  // an older one got no further than check_library
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
  curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_AWS_SIGV4, settings.signing.c_str());
  curl_easy_setopt(handle, CURLOPT_USERNAME, settings.user.c_str());
  curl_easy_setopt(handle, CURLOPT_PASSWORD, settings.password.c_str());
  if (!settings.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, settings.ca_file.c_str());
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(settings.connect_timeout_s * 1000));
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME, std::max(1L, static_cast<long>(settings.stall_timeout_s)));
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, &exchange);
}

}  // namespace

HttpClient::HttpClient(HttpSettings settings) : settings_(std::move(settings)) { check_library(); }

HttpClient::~HttpClient() {
  for (void* handle : idle_) curl_easy_cleanup(handle);
}

HttpAnswer HttpClient::send(const HttpRequest& request) {
  CURL* handle = nullptr;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {
      handle = idle_.back();
      idle_.pop_back();
    }
  }
  if (handle == nullptr) handle = curl_easy_init();
  if (handle == nullptr) throw TransientError("libcurl has no memory for another request");
  curl_easy_reset(handle);  // keeps its connections
  Exchange exchange;
  exchange.handle = handle;
  exchange.request = &request;
  set_common(handle, settings_, exchange);
  set_method(handle, exchange);
  curl_slist* headers = nullptr;
  for (const std::string& header : request.headers) headers = curl_slist_append(headers, header.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
  char detail[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
  const CURLcode code = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, nullptr);
  curl_slist_free_all(headers);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    idle_.push_back(handle);
  }
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  exchange.answer.failure = failure_of(code);
  exchange.answer.status = code == CURLE_OK ? static_cast<int>(status) : 0;
  if (code != CURLE_OK) exchange.answer.failure_text = *detail != '\0' ? detail : curl_easy_strerror(code);
  return std::move(exchange.answer);
}

}  // namespace tilecompile
