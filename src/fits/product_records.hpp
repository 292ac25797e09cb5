#pragma once
#include <string>
#include <vector>

namespace tilecompile {

/// Key of an 80-character header record, without trailing blanks.
std::string record_key(const std::string& record);
/// The records among `records` that may stand on a product: well-formed by the FITS standard, about the
/// observation, the instrument or the sky coordinates, the first of each key; others are left out. In their
/// order, WCSAXES first, padded to 80 characters.
std::vector<std::string> product_records(const std::vector<std::string>& records);

}  // namespace tilecompile
