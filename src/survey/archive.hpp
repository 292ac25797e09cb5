#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tilecompile/base/error.hpp"
#include "tilecompile/image/plane.hpp"

namespace tilecompile {

static_assert(std::endian::native == std::endian::little, "numbers are stored as they lie in memory");

/// Numbers one after the other, each in eight bytes, little-endian: doubles as they are, whole numbers and
/// truth values as 64-bit integers. Before a list comes its length, before a plane width and height; the
/// samples of a plane follow as they lie in memory. What is made of these is visited member by member, by the
/// same function for writing and reading (`visit`, found by the type).
class ArchiveWriter {
 public:
  void operator()(const double& v) { put(&v, sizeof v); }
  void operator()(const int& v) { whole(v); }
  void operator()(const bool& v) { whole(v ? 1 : 0); }
  void operator()(const std::uint64_t& v) { put(&v, sizeof v); }
  void operator()(const std::string& text) {
    whole(static_cast<std::int64_t>(text.size()));
    put(text.data(), text.size());
  }
  template <class T>
  void operator()(const std::vector<T>& list) {
    whole(static_cast<std::int64_t>(list.size()));
    for (const T& item : list) (*this)(item);
  }
  template <class T, std::size_t n>
  void operator()(const std::array<T, n>& list) {
    for (const T& item : list) (*this)(item);
  }
  template <class T>
  void operator()(const Plane<T>& plane) {
    whole(plane.width());
    whole(plane.height());
    put(plane.data(), plane.size() * sizeof(T));
  }
  template <class T>
  void operator()(const T& object) {
    visit(*this, object);
  }
  std::string take() { return std::move(bytes_); }

 private:
  void whole(std::int64_t v) { put(&v, sizeof v); }
  void put(const void* from, std::size_t size) { bytes_.append(static_cast<const char*>(from), size); }
  std::string bytes_;
};

/// The inverse. Throws InputError for bytes that are cut off, too many, or no such numbers; takes memory for
/// what is there only.
class ArchiveReader {
 public:
  ArchiveReader(std::string_view bytes, std::string what) : bytes_(bytes), what_(std::move(what)) {}
  void operator()(double& v) { get(&v, sizeof v); }
  void operator()(int& v) { v = static_cast<int>(whole(INT32_MIN, INT32_MAX)); }
  void operator()(bool& v) { v = whole(0, 1) == 1; }
  void operator()(std::uint64_t& v) { get(&v, sizeof v); }
  void operator()(std::string& text) {
    text.resize(count(1));
    get(text.data(), text.size());
  }
  template <class T>
  void operator()(std::vector<T>& list) {
    list.resize(count(sizeof(double)));  // no item is shorter
    for (T& item : list) (*this)(item);
  }
  template <class T, std::size_t n>
  void operator()(std::array<T, n>& list) {
    for (T& item : list) (*this)(item);
  }
  template <class T>
  void operator()(Plane<T>& plane) {
    const auto width = static_cast<std::size_t>(whole(0, kLargestSide));
    const auto height = static_cast<std::size_t>(whole(0, kLargestSide));
    if (width * height > bytes_.size() / sizeof(T)) fail("is cut off");
    plane = Plane<T>(static_cast<int>(width), static_cast<int>(height));
    get(plane.data(), plane.size() * sizeof(T));
  }
  template <class T>
  void operator()(T& object) {
    visit(*this, object);
  }
  void done() const {
    if (!bytes_.empty()) fail("is longer than what it holds");
  }
  [[noreturn]] void fail(const std::string& why) const { throw InputError(what_ + ": the object " + why); }

 private:
  static constexpr std::int64_t kLargestSide = 1 << 20;
  std::int64_t whole(std::int64_t low, std::int64_t high) {
    std::int64_t v = 0;
    get(&v, sizeof v);
    if (v < low || v > high) fail("holds a number out of its range");
    return v;
  }
  std::size_t count(std::size_t item_bytes) {
    const auto n = static_cast<std::size_t>(whole(0, INT64_MAX));
    if (n > bytes_.size() / item_bytes) fail("is cut off");
    return n;
  }
  void get(void* to, std::size_t size) {
    if (bytes_.size() < size) fail("is cut off");
    if (size > 0) std::memcpy(to, bytes_.data(), size);
    bytes_.remove_prefix(size);
  }
  std::string_view bytes_;
  const std::string what_;
};

}  // namespace tilecompile
