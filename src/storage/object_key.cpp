#include "tilecompile/base/error.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {
namespace {
constexpr std::size_t kLongestName = 255;  // bytes, of a file
constexpr std::size_t kLongestKey = 1024;  // bytes, of S3
}  // namespace

void check_object_key(const std::string& key) {
  const auto refuse = [&](const char* why) {
    throw InputError("storage key '" + key.substr(0, kLongestKey) + "' is refused: " + why +
                     "; keys are relative paths of plain names");
  };
  if (key.empty()) refuse("it is empty");
  if (key.front() == '/') refuse("it is absolute");
  if (key.size() > kLongestKey) refuse("it has more than 1024 bytes");
  if (key.find('\0') != std::string::npos) refuse("it holds a NUL byte");
  std::size_t begin = 0;
  while (begin <= key.size()) {
    std::size_t end = key.find('/', begin);
    if (end == std::string::npos) end = key.size();
    const std::string part = key.substr(begin, end - begin);
    if (part.empty()) refuse("it holds an empty component");
    if (part.size() > kLongestName) refuse("it holds a component of more than 255 bytes");
    if (part == "." || part == "..") refuse("it holds a dot component");
    begin = end + 1;
  }
}

}  // namespace tilecompile
