#pragma once
#include <string>
#include <vector>

namespace tilecompile {

/// A source, header or test of this project.
struct SourceFile {
  std::string path;  ///< from the top folder: src/fits/gunzip.cpp
  std::string room;  ///< fits; empty for a file that lies in no room
  std::vector<std::string> lines;
};

/// A function of a source, where it begins and how long it is.
struct FunctionLines {
  std::string first_line;
  std::size_t begin = 0, lines = 0;
};

/// All .cpp and .hpp files below the folders `tops` ("src", "include", "tests").
std::vector<SourceFile> source_files(const std::vector<std::string>& tops);
/// What a file includes, as it is spelled there.
std::vector<std::string> includes_of(const SourceFile& file);
/// The functions of a formatted source: a body opens with a brace at the end of a line and closes with a
/// brace alone in the same column, 0 or, for members inside a class, 2. Tables and types are no functions.
std::vector<FunctionLines> functions_of(const SourceFile& file);

}  // namespace tilecompile
