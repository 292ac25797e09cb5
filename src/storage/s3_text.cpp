#include "s3_text.hpp"

#include <cctype>
#include <pugixml.hpp>

#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr std::size_t kLongestMessage = 200;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Of a listing, where a blank is "+" or "%20" and a plus always "%2B".
std::string percent_decoded(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      plain += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

std::string error_field(const HttpAnswer& answer, const char* name) {
  pugi::xml_document document;
  if (!document.load_buffer(answer.body.data(), answer.body.size())) return "";
  std::string text = document.child("Error").child_value(name);
  if (text.size() > kLongestMessage) text = text.substr(0, kLongestMessage) + "...";
  for (char& c : text)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  return text;
}

struct Remedy {
  const char* code;
  const char* text;
};
// Answers that stay the same until a person changes something.
constexpr Remedy kRemedies[] = {
    {"SignatureDoesNotMatch",
     "the secret key is not the one of the access key: correct storage.s3.credentials_file or "
     "AWS_SECRET_ACCESS_KEY, and check storage.s3.region"},
    {"InvalidAccessKeyId",
     "the server does not know the access key: correct storage.s3.credentials_file or AWS_ACCESS_KEY_ID"},
    {"AccessDenied",
     "these keys may not do that, or are not known: check them, and let them read and write objects of the "
     "bucket (s3:GetObject, s3:PutObject; s3:ListBucket for frames)"},
    {"ExpiredToken", "the session has ended: take new keys and a new AWS_SESSION_TOKEN"},
    {"InvalidToken", "AWS_SESSION_TOKEN does not belong to the keys: take new ones"},
    {"RequestTimeTooSkewed", "set the clock of this host"},
    {"NoSuchBucket", "create the bucket, or correct storage.s3.bucket"},
    {"InvalidBucketName", "correct storage.s3.bucket"},
    {"AuthorizationHeaderMalformed", "set storage.s3.region to the region of the bucket"},
    {"PermanentRedirect", "set storage.s3.region and storage.s3.endpoint to those of the bucket"},
    {"TemporaryRedirect", "set storage.s3.region and storage.s3.endpoint to those of the bucket"},
};

std::string remedy_of(const std::string& code, int status) {
  for (const Remedy& remedy : kRemedies)
    if (code == remedy.code) return remedy.text;
  if (status == 401 || status == 403) return remedy_of("AccessDenied", 0);
  if (status >= 300 && status < 400) return remedy_of("PermanentRedirect", 0);
  return "check storage.s3.endpoint, bucket, region and path_style";
}

}  // namespace

std::string percent_encoded(const std::string& text, bool keep_slash) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const bool plain = (u < 128 && std::isalnum(u) != 0) || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain || (keep_slash && c == '/'))
      encoded += c;
    else
      encoded += {'%', kDigits[u >> 4], kDigits[u & 15]};
  }
  return encoded;
}

S3Page parse_listing(const std::string& xml, const std::string& place) {
  pugi::xml_document document;
  const bool parsed = document.load_buffer(xml.data(), xml.size());
  const pugi::xml_node list = document.child("ListBucketResult");
  if (!parsed || !list)
    throw TransientError("listing " + place +
                         " gave an answer that is no listing; check storage.s3.endpoint, or try again");
  S3Page page;
  const bool encoded = std::string(list.child_value("EncodingType")) == "url";
  for (const pugi::xml_node& item : list.children("Contents")) {
    const std::string key = item.child_value("Key");
    page.objects.push_back({encoded ? percent_decoded(key) : key, item.child("Size").text().as_ullong(),
                            item.child_value("ETag")});
  }
  if (std::string(list.child_value("IsTruncated")) == "true")
    page.next = list.child_value("NextContinuationToken");
  return page;
}

std::string s3_error_code(const HttpAnswer& answer) { return error_field(answer, "Code"); }

bool worth_retrying(const HttpAnswer& answer) {
  using Failure = HttpAnswer::Failure;
  if (answer.failure != Failure::kNone)
    return answer.failure == Failure::kNetwork || answer.failure == Failure::kDamaged;
  if (answer.status == 408 || answer.status == 429 || (answer.status >= 500 && answer.status != 501))
    return true;
  if (answer.status != 400) return false;
  // The body was damaged or cut short on its way to the server.
  const std::string code = s3_error_code(answer);
  return code == "BadDigest" || code == "XAmzContentSHA256Mismatch" || code == "IncompleteBody" ||
         code == "RequestTimeout";
}

void throw_s3_error(const HttpAnswer& answer, const std::string& what) {
  if (answer.failure == HttpAnswer::Failure::kNetwork)
    throw TransientError(what + " failed: " + answer.failure_text +
                         "; check that the server runs and that storage.s3.endpoint is its address");
  if (answer.failure == HttpAnswer::Failure::kDamaged)
    throw TransientError(what + " failed: " + answer.failure_text +
                         "; look for damage at the server or on the way to it, then write the object anew");
  if (answer.failure == HttpAnswer::Failure::kCertificate)
    throw UsageError(
        what + " failed: " + answer.failure_text +
        "; name the authority of the server's certificate in storage.s3.ca_file, and the host as "
        "the certificate does in storage.s3.endpoint");
  if (answer.failure == HttpAnswer::Failure::kSetup)
    throw UsageError(what + " failed: " + answer.failure_text +
                     "; correct storage.s3.endpoint or storage.s3.ca_file");
  const std::string code = s3_error_code(answer), message = error_field(answer, "Message");
  const std::string text = what + " failed: the server answered " + std::to_string(answer.status) +
                           (code.empty() ? "" : " " + code) + (message.empty() ? "" : " (" + message + ")");
  if (worth_retrying(answer)) throw TransientError(text + "; try again later, or look at the server's log");
  if (answer.status == 404 && (code.empty() || code == "NoSuchKey"))
    throw TransientError(text + "; it was not written yet, or was removed");
  throw UsageError(text + "; " + remedy_of(code, answer.status));
}

}  // namespace tilecompile
