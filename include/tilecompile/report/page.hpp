#pragma once
#include <string>
#include <vector>

#include "tilecompile/image/plane.hpp"

namespace tilecompile {

/// A picture of the page: bytes of a PNG. Names: "final", "plain", and "final_crop", "plain_crop" where a
/// part of a larger image is shown pixel by pixel.
struct PagePicture {
  std::string name;
  int width = 0, height = 0;
  std::string png;
};

/// One number a cell over the image. Rows run upwards, as in FITS; NaN: nothing known there.
struct PageMap {
  std::string name;   ///< short and unique: "coverage"
  std::string title;  ///< for people
  std::string unit;
  bool around_zero = false;  ///< colours tell the sign
  Plane<float> values;
};

/// Counts of values in equal bins from `low` to `high`; what lies outside stands in the first and last bin.
struct PageHistogram {
  std::string name, title, unit;
  double low = 0, high = 1;
  std::vector<int> counts;
};

/// A reference star at (x, y) of the image, measured in the plain mean and in the final picture.
struct PageStar {
  double x = 0, y = 0, plain_fwhm_px = 0, fwhm_px = 0;
};

/// What a worker did in a run.
struct PageWorker {
  std::string id;
  int tiles = 0;
  double compute_seconds = 0;
};

/// All that the report of a run shows. Empty members are parts that the run does not have; `missing` says so
/// in words.
struct PageValues {
  bool under_way = false;       ///< a server tells the page how the run goes on
  bool answers = false;         ///< a server tells the story of a pixel (pixel.json) from the frames
  std::string name;             ///< heading of the page; empty: that of the program
  std::string record;           ///< run.json
  std::string grid;             ///< grid.json
  std::string frame_table;      ///< frame_metrics.csv
  std::string rejection_table;  ///< rejection.csv
  int shown_channel = 0;        ///< of maps, stars and tiles
  std::vector<PagePicture> pictures;
  std::vector<PageMap> maps;
  std::vector<PageStar> stars;
  std::vector<double> tile_effective_frames;  ///< [tile]
  std::vector<double> tile_weights;           ///< [tile], sum over frames
  std::vector<double> frame_shares;  ///< [frame] mean over tiles of the weight over the tile's mean weight
  /// [tile][frame] the same of a tile, a byte each (share_code); empty where a page would grow too large.
  std::string tile_share_codes;
  std::vector<PageHistogram> histograms;
  std::vector<PageWorker> workers;
  std::vector<std::string> missing;
};

/// A weight over the mean weight of its tile, given as a power of two, as a byte: 25.4 (power + 6) from 0 to
/// 254, which is a step of 3 %. 255 stands for no weight.
unsigned char share_code(double power);

/// Counts the finite ones of `values` in `bins` equal bins from `low` to `high`.
PageHistogram histogram_of(const std::vector<double>& values, double low, double high, int bins);

/// The page as one file of HTML that needs no other and loads nothing from anywhere; of a run under way, and
/// with `answers`, from its own server alone. Texts of the run (file
/// names, reasons) never become markup. Throws InputError when `record` or `grid` is no JSON.
std::string report_page(const PageValues& values);

}  // namespace tilecompile
