#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "handmade_fits.hpp"
#include "paths.hpp"
#include "test_data.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/fits/frame_reader.hpp"
#include "tilecompile/fits/image_file.hpp"

namespace tilecompile {
namespace {

/// What astropy says of one file (see tests/oracle/fits_oracle.py).
struct Verdict {
  bool read = false, quantised = false;
  std::string shape, digest, values_file;
};

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, by);) parts.push_back(part);
  return parts;
}

std::map<std::string, Verdict> ask_astropy(const std::string& python, const std::filesystem::path& out) {
  const std::string script = source_dir() + "/tests/oracle/fits_oracle.py";
  int status = 1;
  const std::string said =
      run_command(python + " " + script + " " + (test_data() / "odd").string() + " " + out.string(), &status);
  EXPECT_EQ(status, 0) << said;
  std::map<std::string, Verdict> verdicts;
  for (const std::string& line : split(read_bytes(out / "index.tsv"), '\n')) {
    const std::vector<std::string> f = split(line, '\t');
    Verdict v;
    v.read = f.at(1) == "read";
    if (v.read) {
      v.quantised = f.at(2) == "quantised";
      v.shape = f.at(3);
      v.digest = f.at(4);
      v.values_file = f.at(5);
    }
    verdicts[f.at(0)] = v;
  }
  return verdicts;
}

/// Shapes that astropy reads and that are no frame: one axis, or more planes than colours.
bool is_frame_shape(const std::string& shape) {
  const std::vector<std::string> axes = split(shape, 'x');
  return axes.size() == 2 || (axes.size() == 3 && (axes[0] == "1" || axes[0] == "3"));
}

void compare_values(const std::filesystem::path& file, const Image& image, const Verdict& verdict,
                    const std::filesystem::path& out) {
  std::vector<float> ours;
  for (const Plane<float>& plane : image)
    ours.insert(ours.end(), plane.samples().begin(), plane.samples().end());
  const std::string bytes = read_bytes(out / verdict.values_file);
  std::vector<float> theirs(bytes.size() / sizeof(float));
  std::memcpy(theirs.data(), bytes.data(), theirs.size() * sizeof(float));
  ASSERT_EQ(ours.size(), theirs.size()) << file;
  // astropy before 5.3 reads the missing pixel of this file, made to show that bug, as a number.
  const bool known_nan = file.filename().string().find("compressed_with_nan") != std::string::npos;
  int wrong = 0, extra_nan = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (std::isnan(ours[i]) && std::isnan(theirs[i])) continue;
    if (std::isnan(ours[i]) && known_nan) {
      ++extra_nan;
      continue;
    }
    const float tolerance = verdict.quantised ? 2e-6F * std::abs(theirs[i]) : 0.0F;
    if (!(std::abs(ours[i] - theirs[i]) <= tolerance)) ++wrong;
  }
  EXPECT_EQ(wrong, 0) << file;
  EXPECT_LE(extra_nan, 1) << file;
  if (!verdict.quantised) {
    EXPECT_EQ(pixel_digest(image), verdict.digest) << file;
  }
}

TEST(OddFiles, AreReadAsAstropyReadsThemOrRefused) {
  TILECOMPILE_NEEDS_DATA("odd");
  const std::string python = python_with_astropy();
  TILECOMPILE_NEEDS_TOOL(!python.empty(), "python with astropy");
  TempDir out;
  const std::map<std::string, Verdict> verdicts = ask_astropy(python, out.path());
  EXPECT_EQ(verdicts.size(), 94u);
  int read = 0, refused_by_both = 0, refused_by_policy = 0;
  for (const auto& [name, verdict] : verdicts) {
    const auto path = test_data() / "odd" / name;
    try {
      FrameReader reader(path, ZeroIsNodata::kNever);
      const Image image = reader.read_all();
      ASSERT_TRUE(verdict.read) << name << ": astropy refuses it";
      ++read;
      compare_values(path, image, verdict, out.path());
    } catch (const InputError& error) {
      const std::string text = error.what();
      EXPECT_NE(text.find(path.string()), std::string::npos) << text;
      if (verdict.read) {
        EXPECT_FALSE(is_frame_shape(verdict.shape)) << text;
        ++refused_by_policy;
      } else {
        ++refused_by_both;
      }
    }
  }
  std::printf("odd files: %d read as astropy reads them, %d refused by both, %d refused as no frame\n", read,
              refused_by_both, refused_by_policy);
  RecordProperty("read", read);
}

/// Whatever header an odd file has, a product made from it must satisfy the standard's checker.
TEST(OddFiles, ProductsMadeFromThemSatisfyFitsverify) {
  TILECOMPILE_NEEDS_DATA("odd");
  TILECOMPILE_NEEDS_TOOL(have_fitsverify(), "fitsverify");
  TempDir dir;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(test_data() / "odd")) {
    if (!entry.is_regular_file()) continue;
    ProductHeader header;
    Image image;
    try {
      image = read_image(entry.path());
      header.kept_records = product_header_records(entry.path());
    } catch (const InputError&) {
      continue;
    }
    for (const std::string& record : header.kept_records) EXPECT_EQ(record.size(), 80u);
    write_image(dir / "product.fits", image, header);
    const std::string said = run_command("fitsverify " + (dir / "product.fits").string());
    EXPECT_NE(said.find(" 0 warning(s) and 0 error(s)"), std::string::npos) << entry.path() << "\n" << said;
  }
}

}  // namespace
}  // namespace tilecompile
