#include "siril_text.hpp"

#include <algorithm>
#include <deque>
#include <regex>
#include <sstream>

namespace tilecompile {
namespace {

// setcompress and set32bits: the settings of a user's own Siril must not count.
const char* const kPreamble = "requires 1.0.0\nsetext fit\nset32bits\nsetcompress 0\n";

// Calls `use` with every line of Siril's log, without its "log: ". Colour codes do not appear in a file.
template <class Use>
void for_each_line(std::string_view output, const Use& use) {
  std::istringstream in{std::string(output)};
  for (std::string line; std::getline(in, line);) {
    // Two threads may write into one line; "log: " marks the start of what counts.
    const std::size_t at = line.rfind("log: ");
    if (at != std::string::npos) use(line.substr(at + 5));
  }
}

}  // namespace

std::string siril_convert_script(bool debayer) {
  return std::string(kPreamble) + "cd raw\nconvert light" + (debayer ? " -debayer" : "") + " -out=../work\n";
}

std::string siril_sequence_file(int frames, int channels, int reference) {
  const std::string n = std::to_string(frames);
  std::string text = "S 'light_' 1 " + n + " " + n + " 5 " + std::to_string(reference - 1) + " 3\nL " +
                     std::to_string(channels) + "\n";
  for (int i = 1; i <= frames; ++i) text += "I " + std::to_string(i) + " 1\n";
  return text;
}

std::string siril_register_script(int min_pairs, bool rotation, int threads) {
  return std::string(kPreamble) + "setcpu " + std::to_string(threads) +
         "\ncd work\nregister light_ -prefix=r_ -transf=" + (rotation ? "homography" : "shift") +
         " -minpairs=" + std::to_string(std::max(kSirilLeastPairs, min_pairs)) + "\n";
}

std::string siril_stack_script(int threads) {
  return std::string(kPreamble) + "setcpu " + std::to_string(threads) +
         "\nstack syn_ mean none -nonorm -out=mean\n";
}

SirilMatches read_siril_matches(std::string_view output) {
  static const std::regex kDone(R"(Matching stars in image ([0-9]+): done.*)");
  static const std::regex kPairs(R"(Initial pair matches: ([0-9]+).*)");
  static const std::regex kSkipped(R"(.*Image ([0-9]+) skipped.*)");
  static const std::regex kStars(R"(Found ([0-9]+) stars in image ([0-9]+),.*)");
  static const std::regex kReference("There are not enough stars in reference image.*");
  SirilMatches matches;
  int image = 0;  // Siril writes the two lines of a match in one critical section
  for_each_line(output, [&](const std::string& line) {
    std::smatch part;
    if (std::regex_match(line, part, kDone)) {
      image = std::stoi(part[1]);
    } else if (std::regex_match(line, part, kPairs)) {
      if (image > 0) matches.pairs[image] = std::stoi(part[1]);
      image = 0;
    } else if (std::regex_match(line, part, kSkipped)) {
      const std::size_t end = line.rfind("Image");
      matches.skipped[std::stoi(part[1])] = line.substr(0, line.find_last_not_of(" :.", end - 1) + 1);
    } else if (std::regex_match(line, part, kStars)) {
      matches.stars[std::stoi(part[2])] = std::stoi(part[1]);
    } else if (std::regex_match(line, kReference)) {
      matches.reference_refused = true;
    }
  });
  return matches;
}

std::string siril_version(std::string_view output) {
  static const std::regex kGreeting("Welcome to siril v([0-9][0-9A-Za-z.-]*).*");
  std::string version = "unknown";
  for_each_line(output, [&](const std::string& line) {
    std::smatch part;
    if (std::regex_match(line, part, kGreeting)) version = part[1];
  });
  return version;
}

std::string siril_complaint(std::string_view output) {
  static const std::regex kFailure(
      R"(.*(Error|rror in line|failed|not enough|No such|cannot|Cannot|abort).*)");
  static const std::regex kNoise("Cannot load initfile.*");
  constexpr std::size_t kShown = 3;
  std::deque<std::string> failures, last;
  const auto keep = [](std::deque<std::string>& lines, const std::string& line) {
    lines.push_back(line);
    if (lines.size() > kShown) lines.pop_front();
  };
  for_each_line(output, [&](const std::string& line) {
    keep(last, line);
    if (std::regex_match(line, kFailure) && !std::regex_match(line, kNoise)) keep(failures, line);
  });
  std::string text;
  for (const std::string& line : failures.empty() ? last : failures) text += "\n  siril: " + line;
  return text;
}

}  // namespace tilecompile
