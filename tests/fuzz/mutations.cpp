#include "mutations.hpp"

namespace tilecompile {
namespace {

// Words that readers trip over: numbers beyond every type, half a UTF-8 sequence, what ends a thing early.
const std::string kWords[] = {"-1",
                              "0",
                              "99999999999999999999",
                              "1e999",
                              "-1e-999",
                              "NaN",
                              "null",
                              "true",
                              "[]",
                              "{}",
                              "[[[[[[[[[[[[[[[[[[[[",
                              "\"\"",
                              "../",
                              "/",
                              "\xff\xfe",
                              "\xe2\x82",
                              "\\ud800",
                              std::string(1, '\0'),
                              "*a",
                              "&a",
                              "!!int",
                              "\n---\n",
                              "END" + std::string(77, ' '),
                              "2147483647",
                              "4294967296",
                              "-2147483648",
                              "18446744073709551616",
                              std::string(300, '9'),
                              std::string(300, '{')};

}  // namespace

std::string Mutator::operator()(std::string bytes) {
  for (std::size_t n = 1 + below(4); n > 0; --n) damage(bytes);
  return bytes;
}

void Mutator::damage(std::string& bytes) {
  const std::size_t at = below(bytes.size() + 1), rest = bytes.size() - at;
  switch (below(8)) {
    case 0:
      if (rest > 0) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
      break;
    case 1:
      if (rest > 0) bytes[at] = static_cast<char>(below(256));
      break;
    case 2:
      bytes.resize(at);
      break;
    case 3:
      bytes.erase(at, below(rest + 1) % 40);
      break;
    case 4:
      bytes.insert(at, bytes.substr(below(bytes.size() + 1), below(200)));
      break;
    case 5:
      bytes.insert(at, kWords[below(std::size(kWords))]);
      break;
    case 6: {
      const std::string& word = kWords[below(std::size(kWords))];
      bytes.replace(at, std::min(rest, word.size()), word);
      break;
    }
    default: {  // a number becomes another one
      const std::size_t begin = std::min(bytes.find_first_of("0123456789", at), bytes.size());
      const std::size_t end = std::min(bytes.find_first_not_of("0123456789.", begin), bytes.size());
      bytes.replace(begin, end - begin, kWords[below(std::size(kWords))]);
    }
  }
}

}  // namespace tilecompile
