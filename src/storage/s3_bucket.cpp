#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>

#include "s3_text.hpp"
#include "tilecompile/base/atomic_file.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"

namespace tilecompile {
namespace {

constexpr const char* kChecksumHeader = "x-amz-meta-sha256";
constexpr std::uint64_t kLargestPut = std::uint64_t{5} << 30;
constexpr double kFirstPause_s = 0.2, kLongestPause_s = 10;

std::string first_of_environment(std::string value, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const char* found = std::getenv(name);
    if (value.empty() && found != nullptr) value = found;
  }
  return value;
}

// "https://host[:port]" without a slash at the end.
std::string checked_endpoint(std::string endpoint) {
  while (endpoint.ends_with('/')) endpoint.pop_back();
  const std::size_t scheme = endpoint.starts_with("https://") ? 8 : endpoint.starts_with("http://") ? 7 : 0;
  const bool plain = scheme > 0 && endpoint.size() > scheme &&
                     endpoint.find_first_of("/@?# \t", scheme) == std::string::npos;
  if (!plain)
    throw UsageError(
        "storage.s3.endpoint (or AWS_ENDPOINT_URL) must be an address like https://s3.example.org or "
        "http://127.0.0.1:9000, without path, user or password");
  return endpoint;
}

// Doubles from attempt to attempt; half of it by chance, so that many workers do not come back at once.
void pause_after(int attempt) {
  static thread_local std::minstd_rand chance{std::random_device{}()};
  const double longest = std::min(kLongestPause_s, kFirstPause_s * std::exp2(attempt - 1));
  const double share = std::uniform_real_distribution<double>(0.5, 1)(chance);
  std::this_thread::sleep_for(std::chrono::duration<double>(longest * share));
}

}  // namespace

struct S3Bucket::State {
  std::string place, base_url, session_token;
  int max_attempts = 5;
  std::unique_ptr<HttpClient> http;

  std::string url(const std::string& key) const { return base_url + percent_encoded(key, true); }

  HttpRequest request(const std::string& method, std::string address, std::string_view body = {}) const {
    HttpRequest made;
    made.method = method;
    made.url = std::move(address);
    made.body = body;
    made.headers.push_back("x-amz-content-sha256: " + sha256_hex(body));
    if (!session_token.empty()) made.headers.push_back("x-amz-security-token: " + session_token);
    return made;
  }

  // Tries until an answer is final. `attempt` starts from the beginning every time.
  HttpAnswer persist(const std::string& what, const std::function<HttpAnswer()>& attempt) const {
    for (int n = 1;; ++n) {
      HttpAnswer answer = attempt();
      if (answer.ok() || !worth_retrying(answer) || n >= max_attempts) return answer;
      log_debug(what + " is tried again",
                {{"attempt", std::to_string(n)},
                 {"status", std::to_string(answer.status)},
                 {"cause", answer.status == 0 ? answer.failure_text : s3_error_code(answer)}});
      pause_after(n);
    }
  }

  // A body that is not what was put counts as damaged on the way.
  static void check_sum(HttpAnswer& answer, const std::string& found) {
    const auto expected = answer.headers.find(kChecksumHeader);
    if (!answer.ok() || expected == answer.headers.end() || expected->second == found) return;
    answer.failure = HttpAnswer::Failure::kDamaged;
    answer.status = 0;
    answer.failure_text = "its bytes have SHA-256 " + found + ", its metadata says " + expected->second;
  }
};

S3Bucket::S3Bucket(const S3Options& options) : state_(std::make_unique<State>()) {
  const S3Credentials keys = load_s3_credentials(options.credentials_file, options.profile);
  std::string region = first_of_environment(options.region, {"AWS_REGION", "AWS_DEFAULT_REGION"});
  if (region.empty()) region = "us-east-1";
  std::string endpoint = first_of_environment(options.endpoint, {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"});
  endpoint = checked_endpoint(endpoint.empty() ? "https://s3." + region + ".amazonaws.com" : endpoint);
  State& s = *state_;
  s.place = "S3 bucket " + options.bucket + " at " + endpoint;
  const std::string bucket = percent_encoded(options.bucket, false);
  const std::size_t host = endpoint.find("://") + 3;
  s.base_url = options.path_style ? endpoint + "/" + bucket + "/"
                                  : endpoint.substr(0, host) + bucket + "." + endpoint.substr(host) + "/";
  s.session_token = keys.session_token;
  s.max_attempts = std::max(1, options.max_attempts);
  s.http =
      std::make_unique<HttpClient>(HttpSettings{"aws:amz:" + region + ":s3", keys.access_key, keys.secret_key,
                                                first_of_environment(options.ca_file, {"AWS_CA_BUNDLE"}),
                                                options.connect_timeout_s, options.stall_timeout_s});
}

S3Bucket::~S3Bucket() = default;

std::string S3Bucket::describe() const { return state_->place; }

void S3Bucket::put(const std::string& key, std::string_view bytes) {
  const std::string what = "writing " + key + " to " + state_->place;
  if (bytes.size() > kLargestPut)
    throw UsageError(what + " is refused: it has more than 5 GB; make the tiles smaller (tile.min_size)");
  HttpRequest request = state_->request("PUT", state_->url(key), bytes);
  request.headers.push_back(std::string(kChecksumHeader) + ": " + sha256_hex(bytes));
  const HttpAnswer answer = state_->persist(what, [&] { return state_->http->send(request); });
  if (!answer.ok()) throw_s3_error(answer, what);
}

std::string S3Bucket::get(const std::string& key) {
  const std::string what = "reading " + key + " from " + state_->place;
  const HttpRequest request = state_->request("GET", state_->url(key));
  HttpAnswer answer = state_->persist(what, [&] {
    HttpAnswer one = state_->http->send(request);
    if (one.ok()) State::check_sum(one, sha256_hex(one.body));
    return one;
  });
  if (!answer.ok()) throw_s3_error(answer, what);
  return std::move(answer.body);
}

std::string S3Bucket::download(const std::string& key, const std::filesystem::path& file) {
  const std::string what = "reading " + key + " from " + state_->place;
  const auto fail = [&] { throw TransientError(file_error_text("writing", file, errno)); };
  HttpRequest request = state_->request("GET", state_->url(key));
  const HttpAnswer answer = state_->persist(what, [&] {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(file.c_str(), "wb"), std::fclose);
    if (!out) fail();
    Sha256 sum;
    request.sink = [&](std::string_view piece) {
      sum.update(piece.data(), piece.size());
      if (std::fwrite(piece.data(), 1, piece.size(), out.get()) != piece.size()) fail();
    };
    HttpAnswer one = state_->http->send(request);
    if (std::fflush(out.get()) != 0) fail();
    if (one.ok()) State::check_sum(one, sum.hex());
    return one;
  });
  if (!answer.ok()) throw_s3_error(answer, what);
  const auto etag = answer.headers.find("etag");
  return etag == answer.headers.end() ? "" : etag->second;
}

S3Object S3Bucket::look(const std::string& key) {
  const std::string what = "looking for " + key + " in " + state_->place;
  const HttpRequest request = state_->request("HEAD", state_->url(key));
  const HttpAnswer answer = state_->persist(what, [&] { return state_->http->send(request); });
  if (answer.failure == HttpAnswer::Failure::kNone && answer.status == 404) return {};
  if (answer.failure == HttpAnswer::Failure::kNone && answer.status == 403)
    throw UsageError(what +
                     " failed: the server answered 403; give this user s3:ListBucket on the bucket, without "
                     "which S3 refuses to say that an object is not there, or correct the keys");
  if (!answer.ok()) throw_s3_error(answer, what);
  const auto header = [&](const char* name) {
    const auto found = answer.headers.find(name);
    return found == answer.headers.end() ? std::string() : found->second;
  };
  return {key, std::strtoull(header("content-length").c_str(), nullptr, 10), header("etag")};
}

void S3Bucket::remove(const std::string& key) {
  const std::string what = "removing " + key + " from " + state_->place;
  const HttpRequest request = state_->request("DELETE", state_->url(key));
  const HttpAnswer answer = state_->persist(what, [&] { return state_->http->send(request); });
  if (!answer.ok() && !(answer.status == 404 && s3_error_code(answer) != "NoSuchBucket"))
    throw_s3_error(answer, what);
}

std::vector<S3Object> S3Bucket::list(const std::string& prefix) {
  const std::string what = "listing " + prefix + " in " + state_->place;
  std::vector<S3Object> objects;
  std::string token;
  do {
    // In ascending order: the signature covers them so.
    const std::string query =
        (token.empty() ? "?" : "?continuation-token=" + percent_encoded(token, false) + "&") +
        std::string("encoding-type=url&list-type=2&prefix=") + percent_encoded(prefix, false);
    const HttpRequest request = state_->request("GET", state_->base_url + query);
    const HttpAnswer answer = state_->persist(what, [&] { return state_->http->send(request); });
    if (!answer.ok()) throw_s3_error(answer, what);
    S3Page page = parse_listing(answer.body, state_->place);
    objects.insert(objects.end(), std::make_move_iterator(page.objects.begin()),
                   std::make_move_iterator(page.objects.end()));
    if (page.next == token && !token.empty())
      throw TransientError(what + " does not come to an end: the server gives the same page again");
    token = page.next;
  } while (!token.empty());
  return objects;
}

}  // namespace tilecompile
