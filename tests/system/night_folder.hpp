#pragma once
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "run_program.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {

/// A folder with six frames of noise, a minute apart, that a case adds to or spoils.
class NightFolder {
 public:
  NightFolder() {
    std::filesystem::create_directory(frames());
    for (int i = 1; i <= 6; ++i) write(name(i), i);
  }
  std::filesystem::path path() const { return folder_.path(); }
  std::filesystem::path frames() const { return path() / "frames"; }
  static std::string name(int i) { return "f" + std::to_string(i) + ".fits"; }
  static std::vector<HeaderCard> cards(int i) {
    return {{"EXPTIME", 60.0, ""}, {"DATE-OBS", "2024-03-01T20:0" + std::to_string(i) + ":00", ""}};
  }
  static Image picture(int seed) {
    std::mt19937 rng(static_cast<unsigned>(seed));
    Image image{Plane<float>(90, 70)};
    for (float& v : image[0].samples()) v = 400 + static_cast<float>(rng() % 41);
    return image;
  }
  /// Frame `seed` of the night; `own` cards win over those that every frame has.
  void write(const std::string& file, int seed, std::vector<HeaderCard> own = {},
             const std::vector<std::string>& without = {}) const {
    ProductHeader header;
    for (const HeaderCard& card : cards(seed)) {
      bool taken = std::count(without.begin(), without.end(), card.key) > 0;
      for (const HeaderCard& other : own) taken = taken || other.key == card.key;
      if (!taken) header.cards.push_back(card);
    }
    header.cards.insert(header.cards.end(), own.begin(), own.end());
    std::filesystem::create_directories((frames() / file).parent_path());
    write_image(frames() / file, picture(seed), header);
  }
  /// Runs `command` with quick settings into the folder "out"; `run` once more begins anew.
  ProgramEnd call(const std::string& command, const std::vector<std::string>& more = {}) const {
    if (command == "run") std::filesystem::remove_all(path() / "out");
    write_text(path() / "run.yaml", "input: {dir: frames}\noutput: {dir: " + (path() / "out").string() +
                                        "}\ndata: {frames_min: 1}\n");
    std::vector<std::string> arguments = {command, (path() / "run.yaml").string()};
    if (command == "run") arguments.insert(arguments.end(), {"--run-id", kRunId, "--threads", "1"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, {0, 0, 120, {}});
  }
  std::filesystem::path run_dir() const { return path() / "out" / kRunId; }
  nlohmann::json record() const { return nlohmann::json::parse(bytes_of(run_dir() / "run.json")); }
  std::string digest() const { return record().at("products").at("stack").at("digest"); }
  /// The warnings of the record, a line each, but that noise shows no star.
  std::string warnings() const {
    std::string text;
    const nlohmann::json all = record();
    for (const std::string warning : all.at("warnings"))
      if (!warning.starts_with("no reference star") && !warning.starts_with("fewer than 5 stars"))
        text += warning + "\n";
    return text;
  }
  /// Paths of `list` in the record, a line each.
  std::string paths_of(const char* list) const {
    std::string text;
    const nlohmann::json all = record();
    for (const auto& frame : all.at(list)) text += frame.at("path").get<std::string>() + "\n";
    return text;
  }
  /// The card of a key in the primary header of the picture, without its comment; empty when absent.
  std::string card(const std::string& key) const {
    const std::string bytes = bytes_of(run_dir() / "reconstruction.fits");
    std::string wanted = key;
    wanted.resize(8, ' ');
    for (std::size_t at = 0; at + 80 <= bytes.size() && bytes.compare(at, 8, "END     ") != 0; at += 80) {
      if (bytes.compare(at, 8, wanted) != 0) continue;
      std::string value = bytes.substr(at + 10, 70);
      value.erase(std::min(value.size(), value.find(" /")));
      value.erase(0, value.find_first_not_of(" '"));
      value.erase(value.find_last_not_of(" '") + 1);
      return value;
    }
    return "";
  }

 private:
  static constexpr const char* kRunId = "0a1b2c3d-0000-4000-8000-000000000004";
  TempDir folder_;
};

}  // namespace tilecompile
