#include "page_table.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

namespace tilecompile {
namespace {

using nlohmann::json;
using Rows = std::vector<std::vector<std::string>>;

bool is_number(const std::string& field, double* value) {
  char* end = nullptr;
  *value = std::strtod(field.c_str(), &end);
  return !field.empty() && *end == '\0';
}

json page_column(const Rows& rows, std::size_t column) {
  json numbers = json::array(), texts = json::array();
  bool all_numbers = rows[0][column] != "path";  // a file may be called 1, or inf
  for (std::size_t r = 1; r < rows.size(); ++r) {
    if (rows[r].size() != rows[0].size()) continue;
    const std::string& field = rows[r][column];
    double value = std::nan("");
    all_numbers = all_numbers && (field.empty() || is_number(field, &value));
    numbers.push_back(page_number(value));
    texts.push_back(field);
  }
  return all_numbers ? numbers : texts;
}

}  // namespace

Rows csv_rows(const std::string& text) {
  Rows rows;
  std::vector<std::string> row;
  std::string field;
  bool quoted = false;
  const auto end_field = [&] { row.push_back(std::exchange(field, {})); };
  const auto end_row = [&] {
    end_field();
    rows.push_back(std::exchange(row, {}));
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"')
      field += text[i++];
    else if (c == '"')
      quoted = !quoted;
    else if (!quoted && c == ',')
      end_field();
    else if (!quoted && c == '\n')
      end_row();
    else
      field += c;
  }
  if (!field.empty() || !row.empty()) end_row();
  return rows;
}

json page_number(double value) {
  if (!std::isfinite(value)) return nullptr;
  char text[32];
  std::snprintf(text, sizeof text, "%.5g", value);
  return std::strtod(text, nullptr);
}

json page_table(const std::string& csv) {
  const Rows rows = csv_rows(csv);
  if (rows.empty()) return nullptr;
  json table = json::object();
  for (std::size_t column = 0; column < rows[0].size(); ++column)
    table[rows[0][column]] = page_column(rows, column);
  return table;
}

}  // namespace tilecompile
