#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace tilecompile {

/// Rows and fields of a CSV text: fields in double quotes may hold commas, line ends and doubled quotes. The
/// last line may lack its end.
std::vector<std::vector<std::string>> csv_rows(const std::string& text);

/// A number with the 5 digits that a page needs; null when it is not finite.
nlohmann::json page_number(double value);

/// A CSV text with a header row as an object: column name -> list, in row order. Columns in which every field
/// is a number or empty hold numbers and null, others and `path` texts. Rows with another number of fields
/// than the header are left out; an empty text gives null.
nlohmann::json page_table(const std::string& csv);

}  // namespace tilecompile
