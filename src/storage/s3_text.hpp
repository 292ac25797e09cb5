#pragma once
#include <string>
#include <vector>

#include "http.hpp"
#include "tilecompile/storage/s3.hpp"

namespace tilecompile {

/// Percent-encodes everything but letters, digits and "-._~", and '/' where `keep_slash`.
std::string percent_encoded(const std::string& text, bool keep_slash);

/// One page of a listing (ListObjectsV2 with encoding-type=url).
struct S3Page {
  std::vector<S3Object> objects;
  std::string next;  ///< continuation token; empty on the last page
};
/// Throws TransientError when `xml` is no listing.
S3Page parse_listing(const std::string& xml, const std::string& place);

/// Code of an S3 error answer ("NoSuchKey"); empty when the body has none.
std::string s3_error_code(const HttpAnswer& answer);
/// Whether the same request may work later.
bool worth_retrying(const HttpAnswer& answer);
/// Throws the error of an answer that is not ok. `what`: "reading a/b in S3 bucket ...".
[[noreturn]] void throw_s3_error(const HttpAnswer& answer, const std::string& what);

}  // namespace tilecompile
