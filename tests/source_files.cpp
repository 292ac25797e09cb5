#include "source_files.hpp"

#include <filesystem>
#include <fstream>
#include <regex>

#include "paths.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> lines_of(const fs::path& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// src/ROOM/x.cpp, tests/ROOM/x_test.cpp, include/tilecompile/ROOM/x.hpp
std::string room_of(const fs::path& path) {
  std::vector<std::string> parts;
  for (const fs::path& part : path) parts.push_back(part.string());
  const std::size_t at = parts.front() == "include" ? 2 : 1;
  return parts.size() > at + 1 ? parts[at] : "";
}

}  // namespace

std::vector<SourceFile> source_files(const std::vector<std::string>& tops) {
  std::vector<SourceFile> files;
  const fs::path root = source_dir();
  for (const std::string& top : tops)
    for (const auto& item : fs::recursive_directory_iterator(root / top)) {
      const fs::path path = fs::relative(item.path(), root);
      if (path.extension() == ".cpp" || path.extension() == ".hpp")
        files.push_back({path.generic_string(), room_of(path), lines_of(item.path())});
    }
  return files;
}

std::vector<std::string> includes_of(const SourceFile& file) {
  static const std::regex kInclude(R"(^\s*#\s*include\s*[<"]([^>"]+)[>"])");
  std::vector<std::string> found;
  for (const std::string& line : file.lines)
    if (std::smatch match; line.find('#') != std::string::npos && std::regex_search(line, match, kInclude))
      found.push_back(match[1]);
  return found;
}

std::vector<FunctionLines> functions_of(const SourceFile& file) {
  static const std::regex kNoFunction(
      R"(^\s*(namespace|class|struct|enum|union|extern)\b|[=(,]\s*\{$|^\s*\{$)");
  std::vector<FunctionLines> functions;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    const std::size_t indent = line.find_first_not_of(' ');
    if (indent != 0 && indent != 2) continue;
    if (line.back() != '{' || std::regex_search(line, kNoFunction)) continue;
    const std::string closing = std::string(indent, ' ') + "}";
    std::size_t end = i + 1;
    while (end < file.lines.size() && !file.lines[end].starts_with(closing)) ++end;
    functions.push_back({line, i, end - i + 1});
    if (indent == 0) i = end;
  }
  return functions;
}

}  // namespace tilecompile
