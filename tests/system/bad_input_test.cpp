#include <cstdint>
#include <functional>
#include <random>

#include "run_program.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMemory = std::size_t{1} << 30;
const char* const kBadInputRun = "0a1b2c3d-0000-4000-8000-000000000001";

// The path of this test's folder says nothing: D stands for it in the table.
std::string shown(std::string text, const fs::path& folder) {
  for (std::size_t at; (at = text.find(folder.string())) != std::string::npos;)
    text.replace(at, folder.string().size(), "D");
  return text;
}

void print_row(const std::string& name, const ProgramEnd& end, const fs::path& folder) {
  std::printf("| %-34s | %3d | %s\n", name.c_str(), end.code, shown(end.err, folder).c_str());
}

Plane<std::uint16_t> noise_frame(int width, int height, unsigned seed, int level = 400) {
  std::mt19937 rng(seed);
  Plane<std::uint16_t> plane(width, height);
  for (auto& v : plane.samples()) v = static_cast<std::uint16_t>(level + static_cast<int>(rng() % 41));
  return plane;
}

void write_frame(const fs::path& path, const Plane<std::uint16_t>& plane, double exposure = 60,
                 const std::string& history = "") {
  ProductHeader header;
  header.cards = {{"EXPTIME", exposure, "[s]"}};
  if (!history.empty()) header.history.push_back(history);
  write_image(path, std::vector<Plane<std::uint16_t>>{plane}, header);
}

/// A folder with a configuration and six good frames that a case spoils.
class Night {
 public:
  Night() {
    fs::create_directory(folder_ / "frames");
    for (unsigned i = 1; i <= 6; ++i) write_frame(frame(i), noise_frame(90, 70, i));
    yaml("");
  }
  const fs::path& path() const { return folder_.path(); }
  fs::path frame(unsigned i) const { return path() / "frames" / ("f" + std::to_string(i) + ".fits"); }
  /// Writes run.yaml with `extra` under the sections that every case needs.
  void yaml(const std::string& extra, const std::string& data = "{frames_min: 1}") const {
    write_text(path() / "run.yaml", "input:\n  dir: frames\noutput:\n  dir: " + (path() / "out").string() +
                                        "\ndata: " + data + "\n" + extra);
  }
  ProgramEnd run(const std::vector<std::string>& more = {},
                 ProgramLimits limits = {kMemory, 0, 30, {}}) const {
    std::vector<std::string> arguments = {
        "run", (path() / "run.yaml").string(), "--run-id", kBadInputRun, "--threads", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(arguments, limits);
  }

 private:
  TempDir folder_;
};

/// Something that is wrong, how the program must end, and what its text must hold.
struct Case {
  const char* name;
  int code;
  std::vector<const char*> words;
  std::function<ProgramEnd(Night&)> act;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.name; }

class BadInput : public testing::TestWithParam<Case> {};

TEST_P(BadInput, EndsWithAClearText) {
  const Case& c = GetParam();
  Night night;
  const ProgramEnd end = c.act(night);
  print_row(c.name, end, night.path());
  EXPECT_FALSE(end.timed_out);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(end.code, c.code) << end.err;
  for (const char* word : c.words)
    EXPECT_NE(end.err.find(word), std::string::npos) << word << "\n" << end.err;
  EXPECT_EQ(end.out, "");
  EXPECT_EQ(results_below(night.path() / "out"), std::vector<std::string>{});
}

std::function<ProgramEnd(Night&)> spoiled(std::function<void(Night&)> spoil) {
  return [spoil](Night& night) {
    spoil(night);
    return night.run();
  };
}

std::function<ProgramEnd(Night&)> configured(const std::string& extra) {
  return spoiled([extra](Night& night) { night.yaml(extra); });
}

void cut(const fs::path& path, std::uintmax_t size) { fs::resize_file(path, size); }

const Case kFrameCases[] = {
    {"folder without frames", 4, {"no frames in", "frames", ".fits"}, spoiled([](Night& n) {
       fs::remove_all(n.path() / "frames");
       fs::create_directory(n.path() / "frames");
     })},
    {"missing folder", 4, {"input.dir", "frames", "not a folder"}, spoiled([](Night& n) {
       fs::remove_all(n.path() / "frames");
     })},
    {"input.dir not set", 2, {"input.dir is not set"}, spoiled([](Night& n) {
       write_text(n.path() / "run.yaml", "output: {dir: " + (n.path() / "out").string() + "}\n");
     })},
    {"input.dir empty", 2, {"input.dir"}, spoiled([](Night& n) {
       write_text(n.path() / "run.yaml",
                  "input: {dir: ''}\noutput: {dir: " + (n.path() / "out").string() + "}\n");
     })},
    {"pattern that matches nothing",
     4,
     {"input.pattern", "light_*"},
     [](Night& n) {
       return n.run({"--set", "input.pattern=light_*"});
     }},
    {"a frame of another size", 4, {"f3.fits", "91 x 70", "90 x 70", "register"}, spoiled([](Night& n) {
       write_frame(n.frame(3), noise_frame(91, 70, 3));
     })},
    {"a truncated frame", 4, {"f2.fits", "take them out"}, spoiled([](Night& n) { cut(n.frame(2), 9000); })},
    {"a frame cut inside its header", 4, {"f2.fits"}, spoiled([](Night& n) { cut(n.frame(2), 1000); })},
    {"a zero-byte frame", 4, {"f2.fits", "empty"}, spoiled([](Night& n) { cut(n.frame(2), 0); })},
    {"a text file named .fits", 4, {"f2.fits"}, spoiled([](Night& n) {
       write_text(n.frame(2), "This is not a picture.\n");
     })},
    {"a broken link named .fits", 4, {"f7.fits"}, spoiled([](Night& n) {
       fs::create_symlink("nowhere.fits", n.frame(7));
     })},
    {"a link to itself named .fits", 4, {"f7.fits"}, spoiled([](Night& n) {
       fs::create_symlink("f7.fits", n.frame(7));
     })},
    {"a frame whose name is not UTF-8", 4, {"UTF-8", "rename"}, spoiled([](Night& n) {
       fs::rename(n.frame(2), n.path() / "frames" / "f\xff.fits");
     })},
    {"an all-zero frame", 4, {"f4.fits", "no valid pixel"}, spoiled([](Night& n) {
       write_frame(n.frame(4), Plane<std::uint16_t>(90, 70));
     })},
    {"a constant frame among others", 4, {"f4.fits", "constant"}, spoiled([](Night& n) {
       write_frame(n.frame(4), Plane<std::uint16_t>(90, 70, 400));
     })},
    {"a frame of negative background",
     4,
     {"f5.fits", "its background is -9", "pedestal"},
     spoiled([](Night& n) {
       Plane<float> plane(90, 70);
       for (std::size_t i = 0; i < plane.size(); ++i)
         plane.samples()[i] = -100.0f + static_cast<float>(i % 7);
       for (unsigned i = 1; i <= 6; ++i) {
         Plane<float> good(90, 70);
         const auto noise = noise_frame(90, 70, i);
         for (std::size_t p = 0; p < good.size(); ++p) good.samples()[p] = noise.samples()[p];
         write_image(n.frame(i), Image{i == 5 ? plane : good}, {});
       }
     })},
    {"a frame of NaN alone", 4, {"f5.fits", "no valid pixel"}, spoiled([](Night& n) {
       write_image(n.frame(5), Image{Plane<float>(90, 70, std::nanf(""))}, {});
     })},
    {"unequal exposures",
     4,
     {"f6.fits: exposed 90 s", "60 s", "data.exposure_tolerance_percent"},
     spoiled([](Night& n) { write_frame(n.frame(6), noise_frame(90, 70, 6), 90); })},
    {"a stretched frame", 4, {"f1.fits", "linear", "HISTORY"}, spoiled([](Night& n) {
       write_frame(n.frame(1), noise_frame(90, 70, 1), 60,
                   "Histogram Transf. (mid=0.012, lo=0.000, hi=1.000)");
     })},
    {"fewer frames than frames_min", 4, {"found 6", "data.frames_min", "at least 7"}, spoiled([](Night& n) {
       n.yaml("", "{frames_min: 7}");
     })},
    {"image_width that is not the frames'", 4, {"data.image_width is 100", "90"}, spoiled([](Night& n) {
       n.yaml("", "{frames_min: 1, image_width: 100}");
     })},
};

const Case kConfigurationCases[] = {
    {"unknown key",
     2,
     {"run.yaml:7:10", "min_sise", "min_size"},
     configured("tile: {\n         min_sise: 64}\n")},
    {"unknown section", 2, {"run.yaml:6:1", "tiles", "tile"}, configured("tiles:\n  min_size: 64\n")},
    {"wrong type", 2, {"run.yaml:7:13", "tile.min_size", "many"}, configured("tile:\n  min_size: many\n")},
    {"weights that do not sum to 1",
     2,
     {"run.yaml", "global_metrics", "1"},
     configured("global_metrics:\n  weights: {background: 0.4, noise: 0.4, gradient: 0.4}\n")},
    {"overlap of 0.7",
     2,
     {"run.yaml:7:", "tile.overlap_fraction", "0.5"},
     configured("tile:\n  overlap_fraction: 0.7\n")},
    {"broken YAML", 2, {"run.yaml:"}, configured("tile: [1, 2\n")},
    {"not a number", 2, {"tile.size_factor"}, configured("tile:\n  size_factor: .nan\n")},
    {"missing YAML",
     2,
     {"run.yaml", "neither a folder of lights nor a configuration file"},
     spoiled([](Night& n) { fs::remove(n.path() / "run.yaml"); })},
    {"a folder of frames that show nothing",
     4,
     {"none of the 6 raw frames shows stars", "was the cap off"},
     [](Night& n) {
       return run_program({"run", n.path().string()});
     }},
    {"a frame as YAML",
     2,
     {"f1.fits"},
     [](Night& n) {
       return run_program({"run", n.frame(1).string()});
     }},
    {"--run-id that is no UUID",
     2,
     {"--run-id", "../../etc", "UUID"},
     [](Night& n) {
       return run_program({"run", (n.path() / "run.yaml").string(), "--run-id", "../../etc"});
     }},
    {"unknown flag", 2, {"--fast"}, [](Night& n) { return n.run({"--fast"}); }},
    {"negative --threads",
     2,
     {"--threads"},
     [](Night& n) {
       return run_program({"run", (n.path() / "run.yaml").string(), "--threads", "-3"});
     }},
    {"unknown command",
     2,
     {"unknown command 'compute'", "did you mean 'compare'"},
     [](Night&) { return run_program({"compute"}); }},
    {"no command", 2, {"subcommand"}, [](Night&) { return run_program({}); }},
    {"--set without a value",
     2,
     {"--set", "tile.min_size"},
     [](Night& n) {
       return n.run({"--set", "tile.min_size"});
     }},
    {"--set of an unknown key",
     2,
     {"tile.min_sise", "min_size"},
     [](Night& n) {
       return n.run({"--set", "tile.min_sise=64"});
     }},
};

const Case kPlaceCases[] = {
    {"a file in place of output.dir",
     5,
     {"occupied", "output.dir", "Not a directory"},
     [](Night& n) {
       write_text(n.path() / "occupied", "x");
       return n.run({"--output", (n.path() / "occupied").string()});
     }},
    {"output.dir where nothing can be made",
     5,
     {"/proc/out", "output.dir"},
     [](Night& n) {
       return n.run({"--output", "/proc/out"});
     }},
    {"missing storage.root",
     5,
     {"storage"},
     [](Night& n) {
       return n.run({"--set", "storage.root=" + (n.path() / "unmounted").string()});
     }},
    {"a disk that takes no more",
     5,
     {"failed", "out"},
     [](Night& n) {
       return n.run({}, {kMemory, 2000, 30, {}});
     }},
};

INSTANTIATE_TEST_SUITE_P(Frames, BadInput, testing::ValuesIn(kFrameCases));
INSTANTIATE_TEST_SUITE_P(Configuration, BadInput, testing::ValuesIn(kConfigurationCases));
INSTANTIATE_TEST_SUITE_P(Places, BadInput, testing::ValuesIn(kPlaceCases));

TEST(GoodInput, TheSpoiledNightIsGoodBeforeItIsSpoiled) {
  Night night;
  const ProgramEnd end = night.run();
  EXPECT_EQ(end.code, 0) << end.err;
  EXPECT_FALSE(results_below(night.path() / "out").empty());
}

TEST(GoodInput, AsManyThreadsAsMemoryAllows) {
  Night night;
  const ProgramEnd end =
      run_program({"run", (night.path() / "run.yaml").string(), "--threads", "500"}, {kMemory, 0, 60, {}});
  print_row("500 threads in 1 GB", end, night.path());
  EXPECT_EQ(end.signal, 0);
  EXPECT_TRUE(end.code == 0 || end.code == 5) << end.code << end.err;
}

TEST(GoodInput, ConstantFramesGiveAConstantPicture) {
  Night night;
  for (unsigned i = 1; i <= 6; ++i)
    write_frame(night.frame(i), Plane<std::uint16_t>(90, 70, static_cast<std::uint16_t>(300 + 17 * i)));
  const ProgramEnd end = night.run();
  ASSERT_EQ(end.code, 0) << end.err;
  for (const char* name : {"classical.fits", "reconstruction.fits"}) {
    const Image image = read_image(night.path() / "out" / kBadInputRun / name);
    ASSERT_EQ(image.size(), 1u);
    ASSERT_EQ(image[0].width(), 90);
    for (float v : image[0].samples()) ASSERT_FLOAT_EQ(v, 359.5f) << name;
  }
}

TEST(GoodInput, ProductsOfAnEarlierRunAreNotTakenForFrames) {
  Night night;
  write_text(night.path() / "run.yaml", "input: {dir: .}\noutput: {dir: " + (night.path() / "out").string() +
                                            "}\ndata: {frames_min: 1}\n");
  const ProgramEnd first = night.run();
  ASSERT_EQ(first.code, 0) << first.err;
  const ProgramEnd second = run_program({"run", (night.path() / "run.yaml").string()});
  ASSERT_EQ(second.code, 0) << second.err;
  EXPECT_NE(second.out.find("frames     6 of 90 x 70"), std::string::npos) << second.out;
}

std::vector<fs::path> odd_files() {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& item : fs::recursive_directory_iterator(test_data() / "odd", error))
    if (item.is_regular_file()) files.push_back(item.path());
  std::sort(files.begin(), files.end());
  return files;
}

TEST(OddFiles, EachAsTheOnlyFrameIsUsedOrRefused) {
  TILECOMPILE_NEEDS_DATA("odd");
  int used = 0;
  const auto files = odd_files();
  for (const fs::path& file : files) {
    TempDir folder;
    fs::create_directory(folder / "frames");
    fs::create_symlink(fs::absolute(file), folder / "frames" / file.filename().string());
    write_text(folder / "run.yaml", "input: {dir: frames}\noutput: {dir: " + (folder / "out").string() +
                                        "}\ndata: {frames_min: 1}\n");
    const ProgramEnd end = run_program({"run", (folder / "run.yaml").string(), "--threads", "2", "--quiet"},
                                       {kMemory, 0, 30, {}});
    print_row(file.filename().string(), end, folder.path());
    EXPECT_FALSE(end.timed_out) << file;
    EXPECT_TRUE(end.code == 0 || end.code == 4) << file << " code " << end.code << " signal " << end.signal;
    if (end.code == 0) {
      ++used;
      continue;
    }
    EXPECT_NE(end.err.find(file.filename().string()), std::string::npos) << end.err;
    EXPECT_EQ(results_below(folder / "out"), std::vector<std::string>{}) << file;
  }
  EXPECT_GT(files.size(), 80u);
  EXPECT_GT(used, 30);
}

TEST(OddFiles, AllInOneFolderAreRefusedByName) {
  TILECOMPILE_NEEDS_DATA("odd");
  TempDir folder;
  write_text(folder / "run.yaml", "input: {dir: " + fs::absolute(test_data() / "odd").string() +
                                      "}\noutput: {dir: " + (folder / "out").string() +
                                      "}\ndata: {frames_min: 1}\n");
  const ProgramEnd end =
      run_program({"run", (folder / "run.yaml").string(), "--threads", "2", "--quiet"}, {kMemory, 0, 60, {}});
  print_row("all odd files in one folder", end, folder.path());
  EXPECT_EQ(end.code, 4) << end.err;
  EXPECT_EQ(results_below(folder / "out"), std::vector<std::string>{});
}

}  // namespace
}  // namespace tilecompile
