#include "report_pictures.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "reduced_image.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/parallel.hpp"
#include "tilecompile/frame/seeing.hpp"
#include "tilecompile/frame/star_shape.hpp"
#include "tilecompile/image/order_statistics.hpp"
#include "tilecompile/picture/preview.hpp"

namespace tilecompile {
namespace {

namespace fs = std::filesystem;

// Sizes that keep a page of a large colour image at a few MB.
constexpr int kGreyPicturePx = 1400, kColourPicturePx = 1000, kCropPx = 420;
constexpr int kMapCells = 240, kMostSkyCells = 60, kLeastSkyCellPx = 16, kDifferenceCells = 400;
constexpr int kRowsOfACell = 4, kRowsOfASkyCell = 8;
constexpr int kDifferenceBins = 61;
constexpr double kDifferenceSigmas = 6;
constexpr double kLeastStarSnr = 20;

/// The two pictures that are compared.
struct Compared {
  FrameReader final_picture, plain_mean;
  int channels() const { return final_picture.facts().channels; }
  int width() const { return final_picture.facts().width; }
  int height() const { return final_picture.facts().height; }
};

void add_pair(PageValues& page, const std::string& ending, const std::vector<Image>& images) {
  const std::vector<std::string> pngs = preview_pngs(images);
  const Plane<float>& shape = images.front().front();
  page.pictures.push_back({"final" + ending, shape.width(), shape.height(), pngs[0]});
  page.pictures.push_back({"plain" + ending, shape.width(), shape.height(), pngs[1]});
}

void add_compared_pictures(PageValues& page, Compared& images) {
  const int longest = images.channels() == 3 ? kColourPicturePx : kGreyPicturePx;
  std::vector<Image> whole(2), crop(2);
  const Box middle{std::max(0, (images.width() - kCropPx) / 2), std::max(0, (images.height() - kCropPx) / 2),
                   std::min(kCropPx, images.width()), std::min(kCropPx, images.height())};
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    FrameReader& image = i == 0 ? images.final_picture : images.plain_mean;
    for (int c = 0; c < images.channels(); ++c) {
      whole[i].push_back(reduced(image, c, longest, Reduce::kMean, std::numeric_limits<int>::max()));
      crop[i].push_back(part_of(image, c, middle));
    }
  }
  add_pair(page, "", whole);
  if (std::max(images.width(), images.height()) > longest) add_pair(page, "_crop", crop);
}

void add_difference(PageValues& page, Compared& images) {
  const int c = page.shown_channel;
  Plane<float> difference = reduced(images.final_picture, c, kDifferenceCells, Reduce::kMean, kRowsOfACell);
  const Plane<float> plain = reduced(images.plain_mean, c, kDifferenceCells, Reduce::kMean, kRowsOfACell);
  std::vector<double> values;
  for (std::size_t i = 0; i < difference.size(); ++i) {
    difference.samples()[i] -= plain.samples()[i];
    if (const double v = difference.samples()[i]; std::isfinite(v)) values.push_back(v);
  }
  page.maps.push_back({"difference", "Final picture minus plain mean", "", true, std::move(difference)});
  if (values.empty()) return;
  const double middle = median(values), sd = robust_sd(values);
  PageHistogram histogram =
      histogram_of(values, middle - kDifferenceSigmas * sd, middle + kDifferenceSigmas * sd, kDifferenceBins);
  histogram.name = "difference";
  histogram.title = "Differences to the plain mean";
  page.histograms.push_back(std::move(histogram));
}

void add_stars(PageValues& page, Compared& images, const StarList& list) {
  const int r = list.radius_px;
  const auto measured = [&](FrameReader& image, const ReferenceStar& star, StarShape* shape) {
    const int y0 = static_cast<int>(std::floor(star.y + 0.5)) - r;
    const int x0 = static_cast<int>(std::floor(star.x + 0.5)) - r;
    if (y0 < 0 || x0 < 0 || y0 + 2 * r >= images.height() || x0 + 2 * r >= images.width()) return false;
    const Plane<float> box = part_of(image, page.shown_channel, {x0, y0, 2 * r + 1, 2 * r + 1});
    *shape = measure_star(box.view(), star.x - x0, star.y - y0, r);
    return shape->measured && shape->snr >= kLeastStarSnr;
  };
  const std::size_t count = std::min<std::size_t>(list.stars.size(), kMostSeeingStars);
  for (std::size_t i = 0; i < count; ++i) {
    const ReferenceStar& star = list.stars[i];
    StarShape plain, sharp;
    if (measured(images.plain_mean, star, &plain) && measured(images.final_picture, star, &sharp))
      page.stars.push_back({star.x, star.y, plain.fwhm_px, sharp.fwhm_px});
  }
  if (page.stars.empty())
    page.missing.emplace_back("FWHM of stars: none was bright and clean enough to be measured");
}

void add_map(PageValues& page, const fs::path& file, PageMap map, Reduce how = Reduce::kMedian) {
  if (!fs::exists(file)) {
    page.missing.push_back(map.title + ": " + file.filename().string() + " is not there");
    return;
  }
  unless_damaged(page, map.title, [&] {
    FrameReader image(file, ZeroIsNodata::kNever);
    const int channel = std::min(page.shown_channel, image.facts().channels - 1);
    map.values = reduced(image, channel, kMapCells, how, kRowsOfACell);
    if (map.name == "noise")
      for (float& v : map.values.samples()) v = std::sqrt(v);
    page.maps.push_back(std::move(map));
  });
}

void add_background(PageValues& page, Compared& images) {
  const int sky_cells =
      std::clamp(std::max(images.width(), images.height()) / kLeastSkyCellPx, 1, kMostSkyCells);
  page.maps.push_back(
      {"background", "Background of the final picture", "", false,
       reduced(images.final_picture, page.shown_channel, sky_cells, Reduce::kMedian, kRowsOfASkyCell)});
}

// What `part` has found comes behind what is there.
void append(PageValues& page, PageValues&& part) {
  const auto move_behind = [](auto& all, auto& some) {
    std::move(some.begin(), some.end(), std::back_inserter(all));
  };
  move_behind(page.pictures, part.pictures);
  move_behind(page.maps, part.maps);
  move_behind(page.stars, part.stars);
  move_behind(page.histograms, part.histograms);
  for (std::string& text : part.missing)
    if (std::find(page.missing.begin(), page.missing.end(), text) == page.missing.end())
      page.missing.push_back(std::move(text));
}

}  // namespace

void unless_damaged(PageValues& page, const std::string& what, const std::function<void()>& add) {
  try {
    add();
  } catch (const InputError& e) {
    page.missing.push_back(what + ": " + e.what());
  }
}

void add_pictures(PageValues& page, const fs::path& directory, const std::string& final_file,
                  const StarList& stars, int threads) {
  const fs::path product = directory / final_file, plain = directory / "classical.fits";
  const char* const compared = "pictures, stars and difference";
  if (final_file.empty() || !fs::exists(product) || !fs::exists(plain)) {
    page.missing.push_back(std::string(compared) + ": the run has no final picture or no plain mean");
    return;
  }
  unless_damaged(page, compared, [&] {
    if (FrameReader(product, ZeroIsNodata::kNever).facts().channels == 3) page.shown_channel = 1;
  });
  const auto beside = [&](const char* map) {
    return fs::path(product).replace_extension(std::string(".") + map + ".fits");
  };
  const std::vector<std::function<void(PageValues&)>> adders{
      [&](PageValues& part) {
        unless_damaged(part, compared, [&] {
          Compared images{FrameReader(product, ZeroIsNodata::kNever),
                          FrameReader(plain, ZeroIsNodata::kNever)};
          add_compared_pictures(part, images);
          add_stars(part, images, stars);
        });
      },
      [&](PageValues& part) {
        unless_damaged(part, compared, [&] {
          Compared images{FrameReader(product, ZeroIsNodata::kNever),
                          FrameReader(plain, ZeroIsNodata::kNever)};
          add_background(part, images);
          add_difference(part, images);
        });
      },
      [&](PageValues& part) {
        add_map(part, beside("variance"),
                {"noise", "Noise of a pixel, from the noise of the frames", "", false, {}});
      },
      [&](PageValues& part) {
        add_map(part, beside("neff"), {"neff", "Effective number of frames (N_eff)", "frames", false, {}});
      },
      [&](PageValues& part) {
        add_map(part, beside("coverage"), {"coverage", "Frames that cover a pixel", "frames", false, {}});
      },
      [&](PageValues& part) {
        add_map(
            part, directory / "rejected.fits",
            {"rejected", "Light that rejection took away (satellites, planes, cosmic rays)", "", false, {}},
            Reduce::kMean);
      }};
  std::vector<PageValues> parts(adders.size());
  for (PageValues& part : parts) part.shown_channel = page.shown_channel;
  parallel_for(static_cast<int>(parts.size()), threads,
               [&](int i) { adders[static_cast<std::size_t>(i)](parts[static_cast<std::size_t>(i)]); });
  for (PageValues& part : parts) append(page, std::move(part));
}

}  // namespace tilecompile
