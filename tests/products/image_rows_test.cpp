#include "tilecompile/products/image_rows.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "test_data.hpp"
#include "tilecompile/base/error.hpp"

namespace tilecompile {
namespace {

constexpr int kWidth = 37, kHeight = 29;

std::string file_content(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

ProductHeader long_header(int cards) {
  ProductHeader header;
  header.kept_records = {"OBJECT  = 'M 31    '           / what was looked at"};
  for (int i = 0; i < cards; ++i) header.cards.push_back({"CARD" + std::to_string(i), 0.5 * i, "a number"});
  header.cards.push_back({"LONGTEXT", std::string(90, 't'), "longer than a card"});
  header.history = {std::string(200, 'h')};
  return header;
}

template <class T>
Plane<T> rows_of(const Plane<T>& plane, int y0, int rows) {
  Plane<T> part(plane.width(), rows);
  std::copy(plane.row(y0), plane.row(y0) + static_cast<std::ptrdiff_t>(part.size()), part.data());
  return part;
}

template <class T>
void add_in_blocks(ImageRows& image, const std::vector<Plane<T>>& planes) {
  for (int y0 = 0, rows = 5; y0 < kHeight; y0 += rows, rows = std::min(11, kHeight - y0))
    for (std::size_t c = 0; c < planes.size(); ++c)
      image.add(static_cast<int>(c), rows_of(planes[c], y0, rows));
}

TEST(ImageRows, GiveTheBytesOfTheWholeImage) {
  const TempDir dir;
  for (const int channels : {1, 3})
    for (const int cards : {0, 3, 30, 40}) {
      Image image;
      std::vector<Plane<std::int32_t>> counts;
      for (int c = 0; c < channels; ++c) {
        image.emplace_back(kWidth, kHeight);
        counts.emplace_back(kWidth, kHeight);
        for (std::size_t i = 0; i < image.back().size(); ++i) {
          image.back().samples()[i] = i % 7 == 0 ? -std::nanf("1") : 1e3F / (1.5F + static_cast<float>(i));
          counts.back().samples()[i] = static_cast<std::int32_t>(i * i) - 400;
        }
      }
      const ProductHeader header = long_header(cards);
      write_image(dir / "whole.fits", image, header);
      ImageRows rows(dir / "rows.fits", ImageSamples::kFloat32, kWidth, kHeight, channels, header);
      add_in_blocks(rows, image);
      EXPECT_EQ(rows.digest(), pixel_digest(image));
      rows.finish();
      EXPECT_TRUE(file_content(dir / "rows.fits") == file_content(dir / "whole.fits")) << channels << cards;

      write_image(dir / "whole.fits", counts, header);
      ImageRows whole(dir / "rows.fits", ImageSamples::kInt32, kWidth, kHeight, channels, header);
      add_in_blocks(whole, counts);
      whole.finish();
      EXPECT_TRUE(file_content(dir / "rows.fits") == file_content(dir / "whole.fits")) << channels << cards;
    }
}

TEST(ImageRows, LeaveNothingWhenTheyAreNotFinished) {
  const TempDir dir;
  {
    ImageRows rows(dir / "rows.fits", ImageSamples::kFloat32, kWidth, kHeight, 1, {});
    rows.add(0, Plane<float>(kWidth, 3));
    EXPECT_THROW(rows.add(0, Plane<float>(kWidth + 1, 3)), ContractError);
    EXPECT_THROW(rows.add(0, Plane<float>(kWidth, kHeight)), ContractError);
    EXPECT_THROW(rows.finish(), ContractError) << "rows are missing";
  }
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
  EXPECT_THROW(ImageRows(dir / "no" / "rows.fits", ImageSamples::kFloat32, 1, 1, 1, {}), TransientError);
}

}  // namespace
}  // namespace tilecompile
